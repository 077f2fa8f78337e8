"""What text is measured by: properties, their registry, and bounds on them."""

from sortilege.properties._base import Bound as Bound
from sortilege.properties._base import Property as Property
from sortilege.properties._base import Span as Span
from sortilege.properties._base import Text as Text
from sortilege.properties.classifier import Classifier as Classifier
from sortilege.properties.distinct import Distinct as Distinct
from sortilege.properties.expression import Expression as Expression
from sortilege.properties.function import Function as Function
from sortilege.properties.keywords import Keywords as Keywords
from sortilege.properties.length import Length as Length
from sortilege.properties.perplexity import Perplexity as Perplexity
from sortilege.properties.readability import Readability as Readability
from sortilege.properties.registry import PROPERTIES as PROPERTIES
from sortilege.properties.registry import format_property as format_property
from sortilege.properties.registry import parse_property as parse_property
from sortilege.properties.repetition import Repetition as Repetition
from sortilege.properties.scoring import ScorerError as ScorerError
from sortilege.properties.scoring import measured as measured
from sortilege.properties.sentiment import Sentiment as Sentiment
from sortilege.properties.similarity import Similarity as Similarity
from sortilege.properties.toxicity import Toxicity as Toxicity
