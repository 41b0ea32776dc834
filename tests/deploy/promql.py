"""What a PromQL expression uses: metrics, labels, functions. Not whether it parses: that is promtool's word.

For checks.py. Knows as much of the language as the rules and dashboards use; what it does not know it refuses.
"""
import collections
import re

TOKEN = re.compile(r"""
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<number>(?:\d+\.?\d*|\.\d+)\w*)
  | (?P<name>[A-Za-z_:][\w:]*)
  | (?P<op>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],:@])
  | (?P<space>\s+|\#[^\n]*)
""", re.VERBOSE)

OPERATORS = {"and", "or", "unless", "offset", "bool"}
GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "group", "stddev", "stdvar",
                "count_values"}

# matchers: [(label, operator, value)]; function: the innermost call or aggregation around it, or None;
# ranged: has a [window]
Selector = collections.namedtuple("Selector", "metric matchers function ranged")
# grouping: the labels in by (…), on (…) and so on; operators: those that are words
Uses = collections.namedtuple("Uses", "selectors grouping operators")


class NotUnderstood(Exception):
    pass


def tokens(expression):
    found, at = [], 0
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if not match:
            raise NotUnderstood(f"{expression[at:at + 20]!r} in {expression!r}")
        if match.lastgroup != "space":
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return found + [("end", "")]


def label_list(stream, at):
    """The labels of a parenthesised list that opens at `at`, and where it ends."""
    labels = []
    at += 1
    while stream[at][1] != ")":
        if stream[at][0] == "name":
            labels.append(stream[at][1])
        elif stream[at][1] != ",":
            raise NotUnderstood(f"{stream[at][1]!r} in a list of labels")
        at += 1
    return labels, at + 1


def matcher_list(stream, at):
    """The matchers of the {…} that opens at `at`, and where it ends."""
    matchers = []
    at += 1
    while stream[at][1] != "}":
        if stream[at][0] == "name" and stream[at + 2][0] == "string":
            matchers.append((stream[at][1], stream[at + 1][1], stream[at + 2][1][1:-1]))
            at += 3
        elif stream[at][1] == ",":
            at += 1
        else:
            raise NotUnderstood(f"{stream[at][1]!r} in matchers")
    return matchers, at + 1


def uses(expression):
    stream = tokens(expression)
    selectors, grouping, operators, calls = [], set(), set(), []
    at, aggregation = 0, None  # an aggregation whose bracket is still to come
    while stream[at][0] != "end":
        kind, text = stream[at]
        following = stream[at + 1][1]
        at += 1
        if text == "(":
            calls.append(aggregation)
            aggregation = None
        elif text == ")":
            calls.pop()
        elif text in ("{", "["):
            raise NotUnderstood(f"{text} without a metric before it (a subquery?) in {expression!r}")
        elif kind == "name" and text in GROUPINGS and following == "(":
            labels, at = label_list(stream, at)
            grouping.update(labels)
        elif kind == "name" and text in OPERATORS | GROUPINGS:
            operators.add(text)
        elif kind == "name" and text in AGGREGATIONS:
            aggregation = text
        elif kind == "name" and following == "(":
            calls.append(text)
            at += 1
        elif kind == "name":
            matchers = []
            if following == "{":
                matchers, at = matcher_list(stream, at)
            ranged = stream[at][1] == "["
            if ranged:
                if stream[at + 1][0] != "number" or stream[at + 2][1] != "]":
                    raise NotUnderstood(f"the window after {text} in {expression!r}")
                at += 3
            selectors.append(Selector(text, matchers, calls[-1] if calls else None, ranged))
    return Uses(selectors, grouping, operators)
