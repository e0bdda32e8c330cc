from accel.report.files import files_table

DENSE = {"format": "safetensors", "path": "model", "size_bytes": 9e6, "max_abs_diff": 0.0, "metrics": {"accuracy": 0.5}}
ONNX = {
    **DENSE,
    "format": "onnx",
    "path": "model/model.onnx",
    "latency_ms_p50": 4.0,
    "cold_load_ms": 450.0,
    "cold_load_imports_ms": 270.0,
}


def test_a_file_without_a_runtime_of_its_own_has_empty_cells():
    header, (dense, onnx) = files_table({"exports": [DENSE, ONNX]})
    assert dict(zip(header, dense, strict=True))["first answer"] == ""
    found = dict(zip(header, onnx, strict=True))
    assert found["file"] == "model/model.onnx"
    assert found["latency p50"] == "4.00 ms"
    assert found["first answer"] == "0.45 s (0.27)"


def test_columns_without_values_and_unwanted_ones_are_left_out():
    header, rows = files_table({"exports": [DENSE]}, without=["file"])
    assert header == ["format", "bytes to ship", "max |diff|", "accuracy"]
    assert rows == [["safetensors", "9.0 MB", "0.0e+00", "0.5000"]]
    assert files_table({}) == ([], [])
