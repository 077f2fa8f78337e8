#!/usr/bin/env bash
# The two locally typical rules and top_p side by side: a file of texts for each setting, then one table and one picture.
#
#   bash test_locally_typical_distance.sh [options of `sortilege search` for all settings]
#
# PYTHON   the interpreter                              (python)
# OUT      the folder that everything goes to           (locally_typical_distance)
# SAMPLES  texts for each prompt                        (4)
# K        candidates of a slot                         (10)
# N        draws from x_theta that a step begins with   (1)
#
# What has been written before is not written again: run it once more to go on with one that was broken off.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python}
out=${OUT:-locally_typical_distance}
samples=${SAMPLES:-4}
k=${K:-10}
n=${N:-1}
mkdir -p "$out"

write() { # name, then the flags of a setting
  local name=$1
  shift
  echo "$name" >&2
  "$python" "$here/inference_search.py" "$@" --top_k_values_for_local_search "$k" --num_x_theta_samples "$n" \
    --num_samples "$samples" --output "$out/$name-k$k-N$n-samples$samples.jsonl" "${more[@]}"
}

more=("$@")
for tau in 1.0 0.7 0.5 0.2; do
  write "locally_typical_distance-$tau" \
    --local_search_sampling_method locally_typical_distance --locally_typical_distance "$tau"
done
write locally_typical-0.5 --local_search_sampling_method locally_typical --locally_typical_alpha 0.5
write top_p --local_search_sampling_method top_p

"$python" "$here/compare_typical.py" "$out"
