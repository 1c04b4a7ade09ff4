"""What can be done to objects from the dashboard. The fourth layer of the screen.

Each verb: a key → a question to the engine in a thread (the row turns pending) → VerbFinished or VerbFailed → the
pending mark goes, and the next snapshot shows what the engine says. Nothing is drawn as done before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import SuspendNotSupported

from dockview.engine.api import Engine
from dockview.engine.errors import Cancelled
from dockview.engine.model import Container, ContainerStatus, ExecRequest, PrunePlan, RunRequest
from dockview.lanes import spawn
from dockview.messages import VerbFailed, VerbFinished
from dockview.screens.board import BoardScreen
from dockview.screens.live import Run
from dockview.session import NOTHING, Ref
from dockview.text import clean_line, size

if TYPE_CHECKING:
    from dockview.screens.lend import TerminalReady


class VerbScreen(BoardScreen):
    """Verbs on the selected object."""

    is_confirming = True
    """Whether remove and kill ask first; the config file says."""

    def perform(self, verb: str, ref: Ref, line: str, do: Callable[[Engine], str | None]) -> None:
        """Do a verb in a thread; its object is marked as pending until the answer."""
        super().perform(verb, ref, line, do)
        self.draw_rows()

    def lacks(self, feature: str) -> bool:
        """Whether the engine lacks a feature; if so, says why."""
        why = self.session.snapshot.capabilities.why_not(feature) if feature else None
        if why is not None:
            self.notice.say(f"{feature}: {clean_line(why)}", is_calm=True)
        return why is not None

    def selected_container(self) -> Container | None:
        """The selected container; says so when there is none."""
        container = self.session.container(self.ref.id) if self.ref.kind == "container" else None
        if container is None:
            self.notice.say("select a container first", is_calm=True)
        return container

    # Containers

    def stop(self, container: Container, *, timeout_s: int | None = None, signal: str = "") -> None:
        """Stop a container."""
        options = (f"-s {signal} " if signal else "") + ("" if timeout_s is None else f"-t {timeout_s} ")
        self.perform(
            "stop", _ref(container), f"docker stop {options}{container.name}",
            lambda e: _none(e.stop(container.id, timeout_s=timeout_s, signal=signal)),
        )  # fmt: skip

    def rename(self, container: Container, name: str) -> None:
        """Give a container another name."""
        line = f"docker rename {container.name} {name}"
        self.perform("rename", _ref(container), line, lambda e: e.rename(container.id, name))

    def start(self, container: Container) -> None:
        """Start a container; the lifecycle follows it."""
        self.perform("start", _ref(container), f"docker start {container.name}", lambda e: _none(e.start(container.id)))
        if self.ref.id == container.id:
            self.turn_to("lifecycle")

    def restart(self, container: Container, *, timeout_s: int | None = None, signal: str = "") -> None:
        """Stop and start."""
        options = (f"-s {signal} " if signal else "") + ("" if timeout_s is None else f"-t {timeout_s} ")
        self.perform(
            "restart", _ref(container), f"docker restart {options}{container.name}",
            lambda e: _none(e.restart(container.id, timeout_s=timeout_s, signal=signal)),
        )  # fmt: skip

    def pause(self, container: Container, *, is_paused: bool | None = None) -> None:
        """Freeze a container, or let it go on; by its state, unless it is said."""
        wanted = container.status is not ContainerStatus.PAUSED if is_paused is None else is_paused
        verb = "pause" if wanted else "unpause"
        line = f"docker {verb} {container.name}"
        self.perform(
            verb, _ref(container), line, lambda e: e.pause(container.id) if wanted else e.unpause(container.id)
        )

    def open_shell(self, container: Container, request: ExecRequest | None = None) -> None:
        """A shell, or another command, on the whole terminal."""
        from dockview.screens import lend  # noqa: PLC0415  screens are loaded when they are first used

        send = self.post_message
        do = lend.exec_shell(container, send) if request is None else lend.exec_request(container, request, send)
        line = request.line if request else f"docker exec -it {container.name} sh"
        self.perform("exec", _ref(container), line, do)

    def open_streams(self, container: Container) -> None:
        """A container's own streams on the whole terminal."""
        from dockview.screens import lend  # noqa: PLC0415

        line = f"docker attach {container.name}"
        self.perform("attach", _ref(container), line, lend.attach(container, self.post_message))

    def on_terminal_ready(self, message: TerminalReady) -> None:
        """Step aside for a container's streams."""
        from dockview.screens import terminal  # noqa: PLC0415

        try:
            with self.app.suspend():
                code = terminal.join(message.attachment, title=clean_line(message.line), has_stdin=message.has_stdin)
        except SuspendNotSupported:
            message.attachment.close()
            self.notice.say("this terminal cannot be lent to a container", is_calm=True)
            return
        words = "let go" if code is None else f"exit code {code}"
        self.call_after_refresh(self.whisper, message.line, words)  # after the verb's own answer, which waited
        self.refresh_soon()

    def kill(self, container: Container, signal: str = "SIGKILL") -> None:
        """Send a signal."""
        name = container.name
        line = f"docker kill {name}" if signal == "SIGKILL" else f"docker kill -s {signal} {name}"
        self.perform("kill", _ref(container), line, lambda e: e.kill(container.id, signal))

    def remove_container(self, container: Container, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a container, and with `volumes` its anonymous ones."""
        line = f"docker rm {'-f ' if force else ''}{'-v ' if volumes else ''}{container.name}"
        self.perform("rm", _ref(container), line, lambda e: e.remove(container.id, force=force, volumes=volumes))

    # Images

    def remove_image(self, image_id: str, name: str, *, force: bool = False) -> None:
        """Remove an image."""
        line = f"docker rmi {'-f ' if force else ''}{name}"
        self.perform("rmi", Ref("image", image_id, name), line, lambda e: _none(e.remove_image(name, force=force)))

    def pull(self, reference: str, *, platform: str = "") -> None:
        """Fetch an image; its trace comes to the front with its first record."""
        option = f"--platform {platform} " if platform else ""
        self.perform_run(
            "pull", reference, f"docker pull {option}{reference}",
            lambda e, run: _none(e.pull(reference, platform=platform, cancel=run.cancel, on_record=run.pipe.push)),
        )  # fmt: skip

    # Runs

    def run_image(self, request: RunRequest) -> None:
        """Run an image; its trace comes to the front with its first record."""
        if self.lacks("run"):
            return
        self.whisper(request.line)
        wants_terminal = not request.detach and (request.tty or request.open_stdin)

        def do(engine: Engine, run: Run) -> None:
            if not wants_terminal:
                engine.run(request, cancel=run.cancel, on_record=run.pipe.push)
                return
            from dockview.screens import lend  # noqa: PLC0415  screens are loaded when they are first used

            do_run = lend.run(request, run.cancel, run.pipe.push, self.post_message)
            do_run(engine)

        self.perform_run("run", request.image, request.line, do)

    def cancel_run(self, trace_id: str) -> None:
        """Cancel a run of this app; it undoes what it did."""
        run = self.run_of_trace(trace_id)
        if run is not None and not run.is_done:
            spawn("cancel", run.cancel.cancel)  # its closers may block for a moment: not on the screen's own thread

    def prune(self, plan: PrunePlan, line: str) -> None:
        """Remove what a plan names."""

        def do(engine: Engine) -> str:
            report = engine.prune(plan)
            kept = f", {len(report.kept)} left because they are in use again" if report.kept else ""
            return f"{len(report.removed)} removed, {size(report.freed_bytes)} freed{kept}"

        self.perform("prune", NOTHING, line, do)

    # Answers

    @on(VerbFinished)
    def _verb_finished(self, message: VerbFinished) -> None:
        self._settle(message.ref)
        self.whisper(message.line, f"✓ {message.words}".rstrip())
        self.refresh_soon()

    @on(VerbFailed)
    def _verb_failed(self, message: VerbFailed) -> None:
        self._settle(message.ref)
        self.refresh_soon()
        if isinstance(message.error, Cancelled):
            self.whisper(message.line, "cancelled, nothing is left behind", "warn")
            return
        self.whisper(message.line, "✗ failed", "bad")
        self.say_error(message.error)

    def _settle(self, ref: Ref) -> None:
        self.session.pending.pop(ref, None)
        for run in self.runs:
            if run.ref == ref:
                run.is_done = True
        self.draw_rows()


def _ref(container: Container) -> Ref:
    return Ref("container", container.id, container.name)


def _none(_: object) -> None:
    """The answer of a verb is not needed: the next snapshot has it."""
