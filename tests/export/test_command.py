"""``accel export``; what is told without torch is in tests/test_cli.py."""

from accel.cli import main


def test_what_cannot_be_made_is_refused_before_anything_is_compiled(tiny_run, tmp_path, monkeypatch, capsys):
    assert main([*tiny_run, "compression=[ptq]", "trainer.max_steps=2"]) == 0
    monkeypatch.setattr("accel.engines.FileEngine.export_as", None)
    for format, instead in (("pt2", "pt2-int8"), ("openvino", "openvino-int8"), ("onnx-int4", "int4_weight_only")):
        capsys.readouterr()
        assert main(["export", str(tmp_path / "run"), "--format", format]) == 2
        assert instead in capsys.readouterr().err
    assert main(["export", str(tmp_path / "run"), "--format", "onnx,pt2"]) == 2  # all of them are looked at first
    assert not list((tmp_path / "run" / "model").glob("*.pt2"))
