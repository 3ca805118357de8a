from tasks import tables


def test_numbers_are_readable_and_json(monkeypatch):
    shown = []
    monkeypatch.setattr(
        tables, "create_table_artifact", lambda rows, **rest: shown.append((rows, rest))
    )
    tables.show_table(
        "trials", "Trials", [{"a": 0.123456789, "b": float("nan"), 3: 27_265, "c": 2.9326e-4}]
    )
    assert shown == [
        (
            [{"a": 0.1235, "b": None, "3": 27_265, "c": 2.933e-4}],
            {"key": "trials", "description": "Trials"},
        )
    ]
