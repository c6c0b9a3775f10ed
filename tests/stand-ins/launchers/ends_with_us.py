"""Runs a command, and ends it when our standard input does: when the test that started us lets go of it, or dies."""
import os
import signal
import subprocess
import sys
import threading


def signal_all(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def main():
    # A group of its own: what the command starts in turn ends with it.
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_for_the_end():
        sys.stdin.buffer.read()
        signal_all(child.pid, signal.SIGTERM)
        threading.Timer(1, signal_all, (child.pid, signal.SIGKILL)).start()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    code = child.wait()
    # Whoever of the group is left.
    signal_all(child.pid, signal.SIGKILL)
    os._exit(0 if code < 0 else code)


main()
