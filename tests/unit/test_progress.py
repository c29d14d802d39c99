"""Progress lines, the end of logs, locks, and checks of the output folder before a run."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from groupwise.errors import InputError
from groupwise.files import write_whole_folder
from groupwise.job import read_ending, read_usage
from groupwise.outputs import check_cache, clean_outputs, is_locked, lock_outputs
from groupwise.progress import Progress, duration, log_progress


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (725, "12 min 5 s"), (7200, "2 h"),
     (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds, words):
    assert duration(seconds) == words


def test_progress_is_logged_at_intervals(caplog):
    with caplog.at_level(logging.INFO):
        progress = Progress("permutations", 100, every=0)
        time.sleep(0.01)
        progress.reached(25)
        assert list(log_progress("blocks", range(3))) == [0, 1, 2]  # too early for a line
    (line,) = caplog.messages
    assert line.startswith("permutations: 25 of 100, 0 s elapsed, about 0 s left")


def run_job(tmp_path, body):
    log = tmp_path / "log.txt"
    code = "from types import SimpleNamespace as S\nfrom groupwise.job import job\n"
    code += f"with job(S(log=[{str(log)!r}], rule='r')):\n    {body}\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return log, done


def test_the_last_line_of_a_log_states_how_the_job_ended(tmp_path):
    log, done = run_job(tmp_path, "print('said')")
    assert done.returncode == 0 and read_ending(log) == "done" and "said" in log.read_text()
    seconds, megabytes = read_usage(log)
    assert 0 <= seconds < 5 and megabytes > 10
    log, done = run_job(tmp_path, "raise ValueError('wrong')")
    assert done.returncode == 1 and read_ending(log) == "failed" and read_usage(log) == (None, None)
    log, done = run_job(tmp_path, "import os; print('x', flush=True); os.kill(os.getpid(), 9)")
    assert done.returncode == -signal.SIGKILL and read_ending(log) == ""


def test_a_folder_has_one_writer_and_no_lock_remains(tmp_path):
    code = f"from groupwise.outputs import lock_outputs as hold; hold({str(tmp_path)!r})\n"
    code += "print('held', flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    assert is_locked(tmp_path)
    with pytest.raises(InputError, match=f"another run writes here \\(process {other.pid} on"):
        lock_outputs(tmp_path)
    other.kill()
    other.wait()
    assert not is_locked(tmp_path)


def test_files_of_the_future_are_refused_and_old_parts_removed(tmp_path):
    old, young = tmp_path / ".part.a.npz.x", tmp_path / "sub/.part.b.npz.y"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (1e9, 1e9))
    (tmp_path / "a.npz").write_text("")
    clean_outputs(tmp_path)
    assert not old.exists() and young.exists()
    later = time.time() + 3600
    os.utime(tmp_path / "a.npz", (later, later))
    with pytest.raises(InputError, match=r"a\.npz: dated .* in the future"):
        clean_outputs(tmp_path)


def test_a_cache_has_results_of_one_set_of_versions(tmp_path):
    with pytest.raises(InputError, match="is not a folder; create it"):
        check_cache(tmp_path / "none")
    check_cache(tmp_path)
    check_cache(tmp_path)
    (tmp_path / "groupwise_software.json").write_text('{"mne": "0.1"}')
    with pytest.raises(InputError, match=r"mne 0\.1, here"):
        check_cache(tmp_path)


def test_a_folder_is_written_completely_or_not_at_all(tmp_path):
    def write(text):
        with write_whole_folder(tmp_path / "maps") as part:
            (part / "one").write_text(text)
            if text == "bad":
                raise ValueError

    write("first")
    assert (tmp_path / "maps/one").read_text() == "first"
    assert (tmp_path / "maps").stat().st_mode & 0o777 == 0o777 & ~0o022
    with pytest.raises(ValueError):
        write("bad")
    assert (tmp_path / "maps/one").read_text() == "first"
    write("second")
    assert (tmp_path / "maps/one").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


def test_a_full_disk_is_an_input_error_for_a_folder_too(tmp_path):
    with (
        pytest.raises(InputError, match="free space on the disk"),
        write_whole_folder(tmp_path / "maps"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
