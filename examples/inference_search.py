"""Property-bounded local search on the bundled models: ``sortilege search`` with prompts, bounds and sizes put in.

    python inference_search.py --local_search_sampling_method locally_typical --locally_typical_alpha 0.0
    python inference_search.py --local_search_sampling_method locally_typical --locally_typical_alpha 0.5
    python inference_search.py --local_search_sampling_method locally_typical_distance --locally_typical_alpha 1.0
    python inference_search.py --local_search_sampling_method locally_typical_distance --locally_typical_alpha 0.5

Every option of ``sortilege search`` may be given, and takes the place of what is put in here.
"""

import sys
from pathlib import Path

from sortilege.cli import main

PROMPTS = Path(__file__).with_name("prompts.txt")
SIZES = ["--length", "32", "--steps", "16", "--seed", "1"]
BOUNDS = ["--bound", "sentiment >= 0.8", "--bound", "2 <= readability <= 4"]


def arguments(given: list[str]) -> list[str]:
    """The command line of ``sortilege search``. Of an option given twice the last counts; bounds would add up."""
    own = any(one.startswith(("--bound", "--property")) for one in given)
    return ["search", "--prompts", str(PROMPTS), *SIZES, *([] if own else BOUNDS), *given]


if __name__ == "__main__":
    sys.argv[1:] = arguments(sys.argv[1:])
    main()
