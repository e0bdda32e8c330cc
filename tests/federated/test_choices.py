from accel.federated.choices import Partition, ServerOptimizer


def test_what_deals_by_label_needs_labels():
    assert {p for p in Partition if p.needs_labels} == {Partition.dirichlet, Partition.labels}


def test_adaptive_servers_step_by_a_hundredth():
    assert {s for s in ServerOptimizer if s.usual_rate < 1} == {ServerOptimizer.adam, ServerOptimizer.yogi}
