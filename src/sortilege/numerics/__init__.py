"""Array functions of decoding, one source for NumPy, PyTorch, JAX (also under jit) and every array API library.

Shapes: B rows, V vocabulary, K candidates. Natural logarithms; entropies and divergences in nats. Arithmetic is done in
float32 or wider. Solvers return ``Solved(value, ok, steps)``; noise comes from a ``Key``.
"""

from sortilege.numerics._arrays import array_namespace as array_namespace
from sortilege.numerics._arrays import gather as gather
from sortilege.numerics._arrays import one_hot as one_hot
from sortilege.numerics._solved import Solved as Solved
from sortilege.numerics.dirichlet import dirichlet_entropy as dirichlet_entropy
from sortilege.numerics.dirichlet import dirichlet_log_prob as dirichlet_log_prob
from sortilege.numerics.dirichlet import fit_dirichlet as fit_dirichlet
from sortilege.numerics.gamma import sample_dirichlet_log as sample_dirichlet_log
from sortilege.numerics.information import entropy as entropy
from sortilege.numerics.information import kl_divergence as kl_divergence
from sortilege.numerics.information import log_softmax as log_softmax
from sortilege.numerics.information import log_sum_exp as log_sum_exp
from sortilege.numerics.information import surprisal as surprisal
from sortilege.numerics.information import varentropy as varentropy
from sortilege.numerics.random import Key as Key
from sortilege.numerics.random import Stream as Stream
from sortilege.numerics.random import draw as draw
from sortilege.numerics.random import drawable as drawable
from sortilege.numerics.select import keep_mass as keep_mass
from sortilege.numerics.select import keep_min_p as keep_min_p
from sortilege.numerics.select import keep_top_k as keep_top_k
from sortilege.numerics.select import keep_top_p as keep_top_p
from sortilege.numerics.special import digamma as digamma
from sortilege.numerics.special import log_gamma as log_gamma
from sortilege.numerics.special import polygamma_pair as polygamma_pair
from sortilege.numerics.special import trigamma as trigamma
from sortilege.numerics.temperature import ent_grad_hess as ent_grad_hess
from sortilege.numerics.temperature import solve_temperature as solve_temperature
from sortilege.numerics.typicality import additive_distance as additive_distance
from sortilege.numerics.typicality import scaled_distance as scaled_distance
from sortilege.numerics.typicality import typical_window as typical_window
