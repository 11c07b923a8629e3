"""The disk fails, or the process dies, at each write of each operation; `./dev soak points` is the long form."""

from __future__ import annotations

import pytest

from tests.conversation.operation import OPERATIONS
from tests.conversation.points import problems


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_whole_or_not_there(name):
    """An error of the disk or kill -9 at any write leaves the state before or after; done again, the one after."""
    count, found = problems(name, ("error=EIO", "signal=SIGKILL"), every=2)

    assert [] == found
    assert count
