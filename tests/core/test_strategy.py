from accel.strategy.single import Single


def test_by_default_one_process_takes_all_and_changes_nothing():
    alone, model = Single(), object()
    assert (alone.num_processes(), alone.num_shares(), alone.local_processes(), alone.share_of(3)) == (1, 1, 1, 3)
    assert alone.distribute(model) is alone.collect(model) is model
    assert not alone.saves_parts
