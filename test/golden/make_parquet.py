"""Small Parquet files as the library `datasets` writes them, for the tests of `inseq attribute-dataset`.

    pip install pyarrow
    python make_parquet.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 5

table = pa.table(
    {
        "q": [f"w, {i}" for i in range(ROWS)],
        "a": [f"w, {i} and ç" if i != 3 else None for i in range(ROWS)],
        "n": pa.array(range(ROWS), pa.int64()),
        "translation": [{"en": f"word {i}", "tr": f"kelime {i}"} for i in range(ROWS)],
        "messages": [[{"role": "user", "content": f"w, {i}"}] for i in range(ROWS)],
    }
)
# One group, in pages of two rows with an index of them: read in parts.
pq.write_table(
    table,
    Path(__file__).parent / "indexed.parquet",
    compression="zstd",
    write_page_index=True,
    data_page_size=1,
    write_batch_size=2,
)
# Several groups of rows, each read by itself.
pq.write_table(table, Path(__file__).parent / "rows.parquet", row_group_size=2, compression="zstd")
