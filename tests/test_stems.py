from hypothesis import given
from hypothesis import strategies as st

from cvseeker.queries.filters.stems import stems
from cvseeker.retrieval.bm25 import tokenize


@given(
    st.text(alphabet=st.sampled_from("aAbcCrRsSİßéñ中 .,+#-_0189ing\n"), max_size=80) | st.text()
)
def test_they_are_those_of_bm25(text: str) -> None:
    assert stems(text) == tokenize([text])[0]
