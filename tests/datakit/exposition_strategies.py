"""Hypothesis strategies for expositions, full of what the agent stumbles on."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(
    ["a", "a_total", "h", "h_bucket", "h_sum", "h_count", "s", "s_sum", "s_count", "t", "t_info"]
)
TYPES = st.sampled_from(["counter", "gauge", "histogram", "summary", "untyped", "info"])
_VALUES = st.sampled_from(["1", "2.5", "-3", "NaN", "+Inf", "1e3", "0"])
_ODD_VALUES = st.sampled_from(["1e400", "1_0", "+nan", "x", "5.", ".5", "", "1 17", "1 x", "1 "])
_LABEL_VALUES = st.sampled_from(["1", "0.5", "+Inf", "abc", r"q\"", r"b\\", r"n\n", "é", ""])
_ODD_LABEL_VALUES = st.sampled_from([r"bad\t", '"', "NaN", "\\"])
_REMARKS = st.sampled_from(
    [
        "#",
        "# a remark",
        "# HELP a text",
        r"# HELP a bad\q",
        "# TYPE a",
        "# TYPE a ",
        "# EOF",
        "",
        " ",
    ]
)
_ODD_LINES = st.sampled_from(
    ["# TYPE a unknown", "# TYPE a-b gauge", "a{", "a}", '{x="1"} 1', "1", "a 1\r", "\t# x"]
)


def _sample(labels: st.SearchStrategy[str], values: st.SearchStrategy[str]):
    pairs = st.lists(
        st.builds('{}="{}"'.format, st.sampled_from(["le", "quantile", "x", "y"]), labels),
        max_size=3,
    )
    return st.builds(
        lambda name, pairs, value: (
            f"{name}{{{','.join(pairs)}}} {value}" if pairs else f"{name} {value}"
        ),
        NAMES,
        pairs,
        values,
    )


_TYPE_LINES = st.builds("# TYPE {} {}".format, NAMES, TYPES)
_SAMPLES = _sample(_LABEL_VALUES, _VALUES)
_ODD_SAMPLES = _sample(_LABEL_VALUES | _ODD_LABEL_VALUES, _VALUES | _ODD_VALUES)
_LINES = st.one_of(_TYPE_LINES, _SAMPLES, _SAMPLES, _SAMPLES, _REMARKS)
# Some lines stand often enough to be passed over in bulk.
_MANY = st.builds(lambda line, times: "\n".join([line] * times), _SAMPLES, st.integers(150, 400))
EXPOSITIONS = st.lists(
    st.one_of(_LINES, _LINES, _LINES, _ODD_SAMPLES, _ODD_LINES, _MANY), max_size=12
).flatmap(lambda lines: st.sampled_from(["\n".join(lines) + "\n", "\n".join(lines)]))
