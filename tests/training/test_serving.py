from pcam_core.training.serving import _timeless

CONFIG = b'[{"shared_object_id": %d}, {"x": {"shared_object_id": %d}}, {"shared_object_id": %d}]'


def test_addresses_of_shared_objects_do_not_show():
    assert _timeless(CONFIG % (77, 9, 77)) == _timeless(CONFIG % (5, 6, 5))
    assert _timeless(CONFIG % (77, 9, 77)) != _timeless(CONFIG % (5, 5, 5))
