"""The charts of a report can be read where many things were done within a second."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from anabranch.devkit.charts import line_chart
from anabranch.devkit.timeline import Mark

MARKS = [
    Mark(20.0, "primary b stalls"),
    Mark(21.0, "kill -9 primary b"),
    Mark(40.0, "primary b started again"),
    Mark(40.3, "all sent"),
    Mark(59.0, "both jobs have read every log to its end, the replayed records included"),
    Mark(60.0, "60 dead letters mended & replayed, twice"),
]


def test_the_axis_begins_where_the_lines_do() -> None:
    chart = line_chart("Read", "records/s", {"a": [(30.0, 1.0), (90.0, 5.0)]}, [Mark(60.0, "half way")])
    svg = ET.fromstring(chart)
    line = next(each for each in svg.iter("polyline")).attrib["points"].split()
    left, right = (float(point.split(",")[0]) for point in line)
    mark = next(each for each in svg.iter("line") if each.get("class") == "m")
    assert float(mark.attrib["x1"]) == (left + right) / 2
    texts = {text.text: text for text in svg.iter("text")}
    assert float(texts["40 s"].attrib["x"]) > left
    assert "0 s" not in texts


def test_no_two_texts_lie_on_each_other() -> None:
    chart = line_chart("Read", "records/s", {"a": [(0.0, 1.0), (60.0, 5.0)]}, MARKS)
    svg = ET.fromstring(chart)
    boxes = []
    for text in svg.iter("text"):
        words = text.text or ""
        width, x, y = 6.5 * len(words), float(text.attrib["x"]), float(text.attrib["y"])
        left = x - width * {"end": 1.0, "middle": 0.5}.get(text.get("text-anchor", ""), 0.0)
        boxes.append((left, left + width, y - 9, y + 2, words))
    for index, (left, right, top, bottom, words) in enumerate(boxes):
        for other in boxes[:index]:
            assert right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top, (
                words,
                other,
            )
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    assert all(box[1] <= width and box[3] <= height for box in boxes)
    for mark in MARKS:
        [above] = [box for box in boxes if box[4] == mark.text]
        assert any(box[4] == f"{mark.at_s:.1f} s" and box[2] == above[2] for box in boxes), "with its time"
