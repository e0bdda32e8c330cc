from tests.explanation import conftest

predictor = conftest.predictor
