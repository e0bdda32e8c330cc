"""What can be known of a plan is known at once and without torch."""

from tests.test_cli import outside


def test_a_small_file_is_looked_at_at_once_and_without_torch(tiny_csv, tmp_path):
    done = outside(
        ["check", "task=text_classification", f"task.train={tiny_csv}"], tmp_path, {"transformers", "pandas"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Data: " in done.stdout
    done = outside(
        ["check", "task=text_classification", "task.train=nowhere.csv"], tmp_path, {"transformers", "pandas"}
    )
    assert (done.returncode, "there is no such file" in done.stderr) == (2, True)


def test_a_metric_of_a_search_is_known_without_torch(tmp_path):
    words = ["check", "-m", "--config-only", "sweep=auto", "hydra.sweeper.stopping=null", "task=finance_ner"]
    done = outside([*words, "hydra.sweeper.n_trials=2", "hydra.sweeper.objectives=[entity_f1]"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = outside([*words, "hydra.sweeper.n_trials=2", "hydra.sweeper.objectives=[accuracy]"], tmp_path)
    assert (done.returncode, "entity_f1, precision" in done.stderr) == (2, True)
