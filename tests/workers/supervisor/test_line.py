"""The lines between controller, forker and workers."""

import os
import socket

from workers.supervisor.line import Line, line_pair


def test_messages_arrive_whole_and_in_order_and_open_files_with_them() -> None:
    ours, end = line_pair()
    theirs = Line(end)
    read, write = os.pipe()
    ours.tell(first=1)
    ours.tell(descriptor=write, second=2)
    os.close(write)

    messages, is_open = theirs.hear()
    assert (messages, is_open) == ([{"first": 1}, {"second": 2}], True)
    (sent,) = theirs.take_descriptors()
    assert not os.get_inheritable(sent)
    os.write(sent, b"hello")
    assert os.read(read, 5) == b"hello"
    for descriptor in (sent, read):
        os.close(descriptor)
    ours.close()
    theirs.close()


def test_a_half_message_waits_for_its_rest() -> None:
    left, right = socket.socketpair()
    line = Line(right)
    left.send(b'{"beat": tr')
    assert line.hear() == ([], True)
    left.send(b"ue}\n")
    assert line.hear() == ([{"beat": True}], True)
    left.close()
    line.close()


def test_the_end_of_the_other_process_is_heard_after_its_last_words() -> None:
    ours, end = line_pair()
    with end:
        end.send(b'{"leaving": true}\n')
    assert ours.hear() == ([{"leaving": True}], False)
    assert ours.tell(say="drain") is False
    ours.close()


def test_one_that_does_not_read_never_blocks_the_other() -> None:
    ours, end = line_pair()
    with end:
        while ours.tell(say="drain " * 1000):
            pass
    ours.close()
