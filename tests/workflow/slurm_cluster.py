"""A SLURM cluster on this machine, below one folder: munge, slurmctld and some slurmd.

Nothing is written to /etc, /run or /var; what was started is ended by `stop`. SLURM 22.05 or newer.
"""

import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.workflow.study_trees import ROOT, Run, write_config

PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "srun", "scancel")
INSTALL = "apt-get install slurmctld slurmd slurm-client munge"


def missing_programs() -> list[str]:
    """What of SLURM is not installed."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


class Cluster:
    """A running cluster of nodes node1 ... with one partition, main.

    Attributes
    ----------
    env : the environment of a client: SLURM_CONF, and a `srun` that knows it.
    """

    def __init__(self, folder: Path, nodes: int = 2, cpus: int = 4) -> None:
        self.folder, self.nodes = folder, [f"node{k + 1}" for k in range(nodes)]
        self._processes: dict[str, subprocess.Popen] = {}
        for name in ("etc", "log", "run", "state", "munge", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "munge").chmod(0o700)
        self._ports = _free_ports(1 + nodes)
        self._write(cpus)
        self.env = os.environ | {
            "SLURM_CONF": str(folder / "etc/slurm.conf"),
            "PATH": f"{folder}/bin:{os.environ['PATH']}:/usr/sbin",
        }
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _write(self, cpus: int) -> None:
        folder, user = self.folder, getpass.getuser()
        host = socket.gethostname().split(".")[0]
        key = folder / "munge/munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        lines = [
            "ClusterName=testcluster",
            f"SlurmctldHost={host}(127.0.0.1)",
            f"SlurmctldPort={self._ports[0]}",
            f"SlurmUser={user}",
            f"SlurmdUser={user}",
            "AuthType=auth/munge",
            f"AuthInfo=socket={folder}/run/munge.socket",
            "CredType=cred/munge",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool-%n",
            f"SlurmctldPidFile={folder}/run/slurmctld.pid",
            f"SlurmdPidFile={folder}/run/slurmd.%n.pid",
            f"SlurmctldLogFile={folder}/log/slurmctld.log",
            f"SlurmdLogFile={folder}/log/slurmd.%n.log",
            # No cgroups, which a container may not have; memory is watched once a second.
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/linux",
            "JobAcctGatherFrequency=task=1",
            "JobAcctGatherParams=OverMemoryKill",
            "AccountingStorageType=accounting_storage/none",
            "MpiDefault=none",
            "SwitchType=switch/none",
            "ReturnToService=2",
            "SlurmdParameters=config_overrides",
            "SchedulerType=sched/backfill",
            "SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory",
            "KillWait=2",
            "SlurmctldTimeout=30",
            "SlurmdTimeout=10",
        ]
        lines += [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
            f"Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=6000 "
            "State=UNKNOWN"
            for node, port in zip(self.nodes, self._ports[1:], strict=True)
        ]
        lines.append(
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=200"
        )
        (folder / "etc/slurm.conf").write_text("\n".join(lines) + "\n")
        # slurmd 22.05 opens the plugin even where no cgroup is asked for.
        (folder / "etc/cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        # Snakemake's job step drops SLURM_CONF; a real cluster has /etc/slurm.
        srun = folder / "bin/srun"
        conf = folder / "etc/slurm.conf"
        srun.write_text(f'#!/bin/sh\nexport SLURM_CONF={conf}\nexec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _start(self) -> None:
        munge = self.folder / "munge"
        self._run(
            *("munged", "--force", "--foreground", f"--socket={self.folder}/run/munge.socket"),
            *(f"--key-file={munge}/munge.key", f"--pid-file={munge}/munged.pid"),
            *(f"--log-file={munge}/munged.log", f"--seed-file={munge}/munged.seed"),
        )
        self._await("munge", "-n", f"--socket={self.folder}/run/munge.socket")
        self._run("slurmctld", "-D", "-i")
        self._await("scontrol", "ping")
        for node in self.nodes:
            self.start_node(node)
        self.wait(
            lambda: len(self.query("sinfo", "-hN", "-t", "idle", "-o", "%N")) == len(self.nodes)
        )

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        (self.folder / f"spool-{node}").mkdir(exist_ok=True)
        self._run("slurmd", "-D", "-N", node, name=node)

    def kill_node(self, node: str) -> None:
        """A node goes down at once, with all that runs on it."""
        for line in self.query("squeue", "-hw", node, "-t", "R", "-o", "%A"):
            for process in _processes_of(line):
                _kill(process)
        _kill(self._processes.pop(node).pid)
        self.call("scontrol", "update", f"nodename={node}", "state=down", "reason=power")

    def _run(self, *command: str, name: str | None = None) -> None:
        log = (self.folder / f"log/{name or command[0]}.out").open("wb")
        self._processes[name or command[0]] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env
        )

    def _await(self, *command: str) -> None:
        self.wait(lambda: self._succeeds(command))

    def _succeeds(self, command: tuple[str, ...]) -> bool:
        return subprocess.run(command, capture_output=True, env=self.env).returncode == 0

    def wait(self, there: Callable[[], object], seconds: float = 60):
        """What a function gives once it gives something; fails with the logs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := there():
                return found
            time.sleep(0.1)
        logs = [path.read_text(errors="replace")[-800:] for path in self.folder.glob("log/*")]
        raise TimeoutError("\n".join(logs))

    def call(self, *command: str) -> None:
        """A command of SLURM that must succeed."""
        subprocess.run(command, check=True, capture_output=True, env=self.env)

    def query(self, *command: str) -> list[str]:
        """Lines that a command of SLURM prints."""
        done = subprocess.run(command, capture_output=True, text=True, env=self.env)
        return done.stdout.split("\n")[:-1]

    def stop(self) -> None:
        """End everything that was started."""
        if "slurmctld" in self._processes:
            subprocess.run(["scancel", "--state=ALL", "-u", getpass.getuser()],
                           capture_output=True, env=self.env)  # fmt: skip
            time.sleep(0.5)
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._processes.clear()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _processes_of(job: str) -> list[int]:
    """Processes of a job, by the number in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environ = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"SLURM_JOB_ID={job}".encode() in environ or f"SLURM_JOBID={job}".encode() in environ:
            found.append(int(path.parent.name))
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class ClusterRun(Run):
    """What a run on the cluster said; `submitted` are the numbers of its jobs."""

    @property
    def submitted(self) -> list[str]:
        return re.findall(r"SLURM jobid (\d+)", self.text)


class Started:
    """A run that goes on; `result` waits for its end."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def result(self) -> ClusterRun:
        out, _ = self.process.communicate(timeout=600)
        return ClusterRun(subprocess.CompletedProcess([], self.process.returncode, out or "", ""))


def on_cluster(
    cluster: Cluster, folder: Path, config: dict, *arguments: str, wait: bool = True
) -> ClusterRun | Started:
    """Call snakemake with the shipped profile for SLURM, with quick looks at the queue."""
    command = [sys.executable, Path(__file__).with_name("quick_polls.py")]
    command += ["--snakefile", ROOT / "Snakefile", "--configfile", write_config(folder, config)]
    command += ["--workflow-profile", ROOT / "workflow/profiles/slurm", "--directory", folder]
    command += ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1"]
    started = Started(
        subprocess.Popen(
            [*command, "--nocolor", *arguments],
            cwd=folder,
            env=cluster.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Where the tests run in the background, a shell has them ignore interrupts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    )
    return started.result() if wait else started
