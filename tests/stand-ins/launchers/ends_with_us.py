"""Runs a command, and ends it when our standard input does: when the test that started us lets go of it, or dies."""
import os
import signal
import subprocess
import sys
import threading


def main():
    # A group of its own: what the command starts in turn ends with it.
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_for_the_end():
        sys.stdin.buffer.read()
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(timeout=1)
        finally:
            # Whoever of the group is left.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os._exit(0)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    sys.exit(child.wait())


main()
