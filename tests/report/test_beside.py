from accel.report.beside import advice, beside


def test_what_reading_nothing_reaches_is_told_in_the_metrics_of_the_record():
    metrics = [{"key": "rmse", "title": "RMSE"}, {"key": "loss", "title": "loss"}]
    record = {"metrics": metrics, "baselines": [{"name": "always the mean", "metrics": {"rmse": 1.25}}]}
    assert beside(record) == ["Without a model, always the mean: RMSE 1.2500."]
    assert beside({"metrics": metrics}) == []


def simple(low, high, difference=0.01):
    metrics = [{"key": "accuracy", "title": "accuracy"}]
    guess = {"name": "tfidf_logistic", "metrics": {"accuracy": 0.8}, "trained_on": 9000, "seconds": 1.24}
    return {"metrics": metrics, "baselines": [guess | {"difference": difference, "difference_interval": [low, high]}]}


def test_a_simple_model_that_is_not_beaten_is_advised_and_one_that_is_beaten_is_told():
    assert beside(simple(0.01, 0.02)) == ["TF-IDF with logistic regression, 1.2 s for 9,000 texts: accuracy 0.8000."]
    assert advice(simple(0.001, 0.02)) == []
    (said,) = advice(simple(-0.001, 0.02))
    assert said.startswith(
        "NOT SHOWN TO BE BETTER than TF-IDF with logistic regression: accuracy +0.0100, 95 % interval"
    )
    assert len(advice(simple(0.0, 0.0, 0.0))) == 1
    assert advice({"baselines": [{"name": "always a", "metrics": {}}]}) == []


def test_of_several_simple_ones_the_best_is_named_first_and_all_in_one_sentence():
    record = simple(-0.002, 0.001, -0.001)
    popular = {"name": "popularity", "metrics": {"accuracy": 0.7}, "difference": 0.004, "trained_on": 9, "seconds": 0}
    record["baselines"].insert(0, popular | {"difference_interval": [-0.001, 0.01]})
    (said,) = advice(record)
    assert said.startswith("NOT SHOWN TO BE BETTER than TF-IDF with logistic regression: accuracy -0.0010")
    assert "+0.0010, nor than popularity (+0.0040). That one" in said


def guessed(reached, **after):
    metrics = [{"key": "rmse", "title": "RMSE", "higher_is_better": False}]
    after |= {"metrics": {"rmse": reached}}
    return {"metrics": metrics, "after": after, "baselines": [{"name": "always the mean", "metrics": {"rmse": 1.25}}]}


def test_a_model_that_is_no_better_than_reading_nothing_is_told_so():
    (said,) = advice(guessed(1.25))
    assert said.startswith("NOT BETTER than always the mean, which reads nothing: RMSE 1.2500 against 1.2500.")
    assert advice(guessed(1.2)) == []
    assert advice(guessed(1.3, confusion_matrix=[[1]])) == []  # the headline says it of classes
