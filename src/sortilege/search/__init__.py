"""Search over the clean text that a masked diffusion model predicts, for properties within bounds."""

from sortilege.search.proposer import Report as Report
from sortilege.search.proposer import Searcher as Searcher
from sortilege.search.run import search as search
from sortilege.search.run import search_each as search_each
from sortilege.search.settings import Search as Search
