"""What text is measured by: properties, their registry, and bounds on them."""

from sortilege.properties._base import Bound as Bound
from sortilege.properties._base import Property as Property
from sortilege.properties._base import Span as Span
from sortilege.properties._base import Text as Text
