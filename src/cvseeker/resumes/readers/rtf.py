"""Rich Text Format → text."""

from cvseeker.resumes.readers.base import Document, ReadError, join_cells


def read_rtf(data: bytes) -> list[Document]:
    """Read a Rich Text Format file.

    Parameters
    ----------
    data
        The file's bytes.

    Returns
    -------
    list of Document
        One document.

    Raises
    ------
    ReadError
        If the markup cannot be followed.
    """
    from striprtf.striprtf import rtf_to_text

    # Latin-1 keeps every byte; the markup's own code page governs its escapes.
    try:
        text: str = rtf_to_text(data.decode("latin-1"), errors="replace")
    except (ValueError, LookupError, IndexError, AttributeError) as error:
        raise ReadError(f"damaged RTF ({type(error).__name__})") from error
    lines: list[str] = []
    for line in text.split("\n"):
        # striprtf ends each cell of a table row with a bar.
        lines += join_cells(line.split("|")) if line.rstrip().endswith("|") else [line]
    return [Document("\n".join(lines))]
