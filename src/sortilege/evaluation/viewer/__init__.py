"""The viewer: traces as one page of HTML that needs no network."""

from sortilege.evaluation.viewer.page import made_here as made_here
from sortilege.evaluation.viewer.page import page as page
