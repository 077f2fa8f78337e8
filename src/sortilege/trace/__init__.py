"""The trace: what the model predicted, what the sampler or policy made of it, and what came out, a record a step.

A trace file is JSON lines in UTF-8: a header, then a record a token (kind "tokens"), or a record a step that changed a
canvas (kind "steps", of masked diffusion). It is the same whoever drives the sampler. ``schema()`` is its JSON Schema;
docs/trace.md says what its names mean, in which units, and when the version in ``SCHEMA`` changes.
"""

from sortilege.trace.files import Trace as Trace
from sortilege.trace.files import TraceWriter as TraceWriter
from sortilege.trace.files import read_trace as read_trace
from sortilege.trace.files import write_trace as write_trace
from sortilege.trace.head import header as header
from sortilege.trace.head import request_of as request_of
from sortilege.trace.head import versions as versions
from sortilege.trace.schema import SCHEMA as SCHEMA
from sortilege.trace.schema import schema as schema
from sortilege.trace.tokens import Record as Record
from sortilege.trace.tokens import step_records as step_records
from sortilege.trace.tokens import text_of as text_of
