"""A conformance kit for LlamaIndex LLMs. Imports nothing of any integration; README.md says how to use it."""

import pytest

# So that a failing assert of the kit shows its values, as in test files.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "consumers_agents",
            "consumers_rag",
            "law_chunks",
            "law_loops",
            "law_metadata",
            "law_replay",
            "law_requests",
            "law_secrets",
            "rows_content",
            "rows_reasoning",
            "rows_tools",
            "scenarios",
        )
    )
)
