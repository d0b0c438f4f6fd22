"""The text of the metrics."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from time import thread_time

from prometheus_client.parser import text_string_to_metric_families

from sketch.observability.metrics.counting import Active
from sketch.observability.metrics.families import Workers, slices
from sketch.observability.metrics.figures import Figures


def figures(count: int) -> Figures:
    made = Figures()
    for number in range(count):
        series = made.find(f'/teas/"{number}"\n\\{{name}}', "GET")
        series.statuses[2] += number + 1
        for seconds in (0.005, 0.3, 100):
            series.seconds.observe(seconds)
            series.sent.observe(1000)
    made.events.update({"disconnected": 3, "refused 400": 2})
    made.lag.observe(0.02)
    return made


def read(parts: Iterable[bytes]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples, as a reader of the format finds them; each metric is there once."""
    families = list(text_string_to_metric_families(b"".join(parts).decode()))
    assert len({family.name for family in families}) == len(families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def test_prometheus_can_read_it() -> None:
    found = read(slices(figures(11), Active(4, 5), Workers(3, 2, 6, 7)))
    route = (("method", "GET"), ("route", '/teas/"10"\n\\{name}'))
    assert found["http_requests_total", (*route, ("status", "2xx"))] == 11
    name = "http_request_duration_seconds"
    buckets = [found[f"{name}_bucket", (("le", bound), *route)] for bound in ("0.005", "0.25", "0.5", "10.0", "+Inf")]
    assert buckets == [1, 1, 2, 2, 3]
    assert (found[f"{name}_count", route], found[f"{name}_sum", route]) == (3, 100.305)
    assert found["http_response_size_bytes_sum", route] == 3000
    assert ("http_request_size_bytes_count", route) not in found, "none had a body"
    assert found["http_requests_aborted_total", (("reason", "disconnected"),)] == 3
    assert found["http_requests_refused_total", (("status", "400"),)] == 2
    single = {name: value for (name, labels), value in found.items() if not labels}
    assert single == {
        "http_requests_in_flight": 4,
        "sketch_websockets_open": 5,
        "sketch_event_loop_lag_seconds_count": 1,
        "sketch_event_loop_lag_seconds_sum": 0.02,
        "sketch_workers": 3,
        "sketch_workers_ready": 2,
        "sketch_worker_restarts_total": 6,
        "sketch_worker_failures_total": 7,
    }


def test_nothing_was_counted_yet() -> None:
    assert read(slices(Figures(), Active(), Workers()))["sketch_workers_ready", ()] == 1


def test_a_thousand_templates_hold_no_event_loop() -> None:
    """Each slice takes less than 2 ms, all of them less than 0.5 s. (The processor's time: others share it.)"""
    made = figures(1000)
    traced = 1 if sys.gettrace() is None else 3  # by coverage
    times = min((slice_times(made) for _ in range(3)), key=sum)  # the other half of a core may be busy
    assert sum(times) < 0.5 * traced
    assert times[-3] < 0.002 * traced, times[-3:]  # the garbage collector may look at everything in between


def slice_times(made: Figures) -> list[float]:
    """The seconds that each slice takes, in ascending order."""
    times, began = [], thread_time()
    for _ in slices(made, Active(), Workers()):
        times.append(thread_time() - began)
        began = thread_time()
    return sorted(times)


def test_changes_meanwhile_do_no_harm() -> None:
    made = figures(20)
    parts = []
    for number, part in enumerate(slices(made, Active(), Workers())):
        made.find(f"/{number}", "GET").statuses[2] += 1
        parts.append(part)
    assert len(read(parts)) > 20
