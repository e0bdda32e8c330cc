from accel.report.metrics_file import drop_after, read_metrics


def test_reads_by_name_and_forgives_a_cut_last_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,name,value\n0,loss,1.5\n0,rate,0.1\n5,loss,1.0\n6,lo")
    assert read_metrics(path) == {"loss": [(0, 1.5), (5, 1.0)], "rate": [(0, 0.1)]}
    assert read_metrics(tmp_path / "none.csv") == {}


def test_drops_what_will_be_logged_again(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,name,value\n0,loss,1.5\n5,loss,1.0\n6,loss,0.5\n")
    drop_after(path, 5)
    assert read_metrics(path) == {"loss": [(0, 1.5)]}
