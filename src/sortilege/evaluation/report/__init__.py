"""A comparison as a page: one file of HTML that needs nothing else, not even a network."""

from sortilege.evaluation.report.page import check_report as check_report
from sortilege.evaluation.report.page import page as page
from sortilege.evaluation.report.page import write_report as write_report
