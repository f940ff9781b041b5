"""The rows that compare and worth measure, and how a program is run for them."""
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
import drawn

ROOT = Path(__file__).resolve().parent.parent
GRAPHRUN = ROOT / "build" / "graphrun"
THREADS = "2"
SEEDS = 1, 2, 3                                       # of the drawn rows


class Row:
    """Players of a spec; `model` is what the peers' scripts call it; `seed` draws spec and twin."""

    def __init__(self, spec, *players, preset=None, sets=(), model=None, seed=None):
        self.spec, self.players, self.preset, self.sets, self.seed = spec, players, preset, sets, seed
        self.model = model or spec.split("/")[-1]

    def command(self, folder):
        """Arguments of `graphrun bench`; a drawn spec is written there."""
        path = ROOT / f"{self.spec}.yaml"
        if self.seed is not None:
            path = Path(folder) / f"drawn-{self.seed}.yaml"
            path.write_text(drawn.spec(self.seed))
        preset = ["--preset", self.preset] if self.preset else []
        player = ["--player", self.players[0]] if len(self.players) == 1 else []
        return [path, *preset, *player, *(word for change in self.sets for word in ("--set", change)), "--threads", THREADS, "--quiet"]


def rows_of(spec, *players, **more):
    return {f"{more.get('model') or spec.split('/')[-1]}/{player}": Row(spec, player, **more) for player in players}


ROWS = {
    **rows_of("models/wgan_poly", "critic", "generator"),
    **rows_of("models/wgan_poly", "critic", "generator", preset="full", model="wgan_poly-128"),
    **rows_of("models/wgan_gp_poly", "critic", "generator"),
    **rows_of("models/dcgan_poly", "discriminator", "generator"),
    **rows_of("models/ring8", "critic", "generator"),
    **rows_of("bench/dcgan64", "discriminator", "generator"),
    **rows_of("bench/penalty28", "critic"),
    **rows_of("bench/toy512", "critic"),
    **rows_of("bench/autoencoder", "autoencoder"),
    "acgan": Row("bench/acgan", "discriminator", "generator"),
    "began": Row("models/began", "generator", "discriminator", sets=["players.discriminator.state={k: 0.5}"]),
    "vae": Row("models/vae", "vae"),
    "cyclegan": Row("models/cyclegan", "translators", "judge_a", "judge_b"),
    **{f"drawn-{seed}": Row("bench/drawn", "critic", "generator", seed=seed) for seed in SEEDS},
}


class Failed(Exception):
    pass


def environment(folder):
    """Inductor's cache begins empty, so that the first round shows what a first compilation takes."""
    clean = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    return clean | {"OMP_NUM_THREADS": THREADS, "JAX_PLATFORMS": "cpu", "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor",
                    "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={THREADS}"}


class Runner:
    """Runs programs in the comparison's environment, each in a process group of its own that is killed at the limit."""

    def __init__(self, folder, limit):
        self.folder, self.limit, self.environment = folder, limit, environment(folder)

    def run(self, command):
        """What it prints, the most memory it held in bytes, and the Unix time of its start in milliseconds."""
        begun = time.time() * 1e3
        errors = Path(self.folder) / "stderr"
        with open(errors, "w") as to:
            process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=to, text=True,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        late = threading.Timer(self.limit, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        done = late.is_alive()
        late.cancel()
        if status:
            last = (errors.read_text().strip().splitlines() or ["no message"])[-1]
            raise Failed(f"ended with status {os.waitstatus_to_exitcode(status)}: {last}" if done else f"took longer than {self.limit:g} s")
        return printed, 1024 * usage.ru_maxrss, begun

    def bench(self, row, *options):
        """`graphrun bench` of a row with these options."""
        return self.run([GRAPHRUN, "bench", *row.command(self.folder), *options])


def build():
    """graphrun, if there is need."""
    subprocess.run([ROOT / "graphrun", "version"], check=True, stdout=subprocess.DEVNULL)
