"""A slider draws what follows it and nothing around; whatever else changes draws the page."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.app.conftest import served
from tests.limits import HANGS

pytest.importorskip("websockets")


async def _moves(address: str, values: list[float]) -> list[Counter[str]]:
    """What a browser would get for each move of the tariff's slider, by kind of element, in order."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    seen: dict[str, Any] = {}

    async def run(socket: Any) -> Counter[str]:
        kinds: Counter[str] = Counter()
        async for raw in socket:
            message = ForwardMsg()
            message.ParseFromString(raw)
            if message.WhichOneof("type") == "new_session":
                seen["page"] = message.new_session.page_script_hash
            if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                kinds[str(element.WhichOneof("type"))] += 1
                if element.WhichOneof("type") == "exception":
                    raise AssertionError(element.exception.message)
                if element.WhichOneof("type") == "slider":
                    seen["slider"], seen["fragment"] = element.slider.id, message.delta.fragment_id
                if element.WhichOneof("type") == "number_input":
                    seen["box"] = element.number_input.value
            if (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return kinds
        raise AssertionError("the connection ended")

    where = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(where, subprotocols=["streamlit"], origin=address, max_size=None) as socket:
        opening = BackMsg()
        opening.rerun_script.page_name = "lab"
        await socket.send(opening.SerializeToString())
        found = [await asyncio.wait_for(run(socket), HANGS)]
        if "slider" not in seen:
            found = [await asyncio.wait_for(run(socket), HANGS)]
        for value in values:
            move = BackMsg()
            move.rerun_script.page_script_hash = seen["page"]
            move.rerun_script.fragment_id = seen["fragment"]
            state = move.rerun_script.widget_states.widgets.add(id=seen["slider"])
            state.double_array_value.data.append(value)
            await socket.send(move.SerializeToString())
            found.append(await asyncio.wait_for(run(socket), HANGS))
            assert seen["box"] == value
        return found


def test_a_slider_draws_what_follows_it_alone() -> None:
    # Browser tests of the same process keep a loop running in this thread.
    with (
        served({"FIRMTRADE_WORLD": "", "FIRMTRADE_HOME": ""}) as server,
        ThreadPoolExecutor(1) as apart,
    ):
        moves = apart.submit(lambda: asyncio.run(_moves(server.address, [21.0, 22.0, 23.0])))
        _, first, second, third = moves.result()
    # The first move makes a preset one's own and Undo possible: the whole page says so.
    assert first["multiselect"] > 0
    for move in (second, third):
        assert move["slider"] == 1 and move["bidi_component"] >= 4
        assert not move["multiselect"] and not move["button"]
        assert sum(move.values()) < 0.5 * sum(first.values())
