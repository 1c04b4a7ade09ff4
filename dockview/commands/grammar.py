"""The verbs of docker lines: how each is spelled, its flags, how many arguments it takes, who executes it.

This table is the only place that knows them: the parser, the help, the completion of the `:` line and the tests
read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockview.commands.flags import Flag, many, missing, switch, value
from dockview.commands.grammar_files import COMMIT_FLAGS, CP_FLAGS, EXPORT_FLAGS, VOLUME_CREATE_FLAGS
from dockview.commands.grammar_networks import CONNECT_FLAGS, CREATE_FLAGS
from dockview.commands.grammar_processes import EXEC_FLAGS, STATS_FLAGS, UPDATE_FLAGS
from dockview.commands.grammar_run import RUN_FLAGS
from dockview.commands.values import filter_entry, integer, sent_signal


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the grammar."""

    name: str
    """The canonical spelling, such as `run` or `image prune`."""
    arguments: str
    """What follows the flags, as docker's usage line has it."""
    summary: str
    executor: str
    """`module:function` below dockview.commands."""
    flags: tuple[Flag, ...] = ()
    least: int = 0
    most: int | None = 0
    """How many arguments; None for any number."""
    aliases: tuple[str, ...] = ()
    """Other spellings."""
    implied: Mapping[str, object] | None = None
    """Options that the spelling itself sets, such as the type of `image inspect`."""
    is_interspersed: bool = True
    needs_engine: bool = True

    @property
    def usage(self) -> str:
        """The usage line, after the name of the program."""
        return " ".join(part for part in (self.name, "[OPTIONS]" if self.flags else "", self.arguments) if part)


_FORMAT = value("format", "", "string", "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
_FORMAT_F = value("format", "f", "string", "Format output: 'json' or a Go TEMPLATE")
_FILTER = many("filter", "f", "filter", "Filter output based on conditions provided", convert=filter_entry)
_QUIET = switch("quiet", "q", "Only display IDs")
_NO_TRUNC = switch("no-trunc", "", "Don't truncate output")
_FORCE_PRUNE = switch("force", "f", "Do not prompt for confirmation")
_PRUNE_FILTER = many("filter", "", "filter", 'Provide filter values (e.g. "until=<timestamp>")', convert=filter_entry)
_DRY_RUN = switch("dry-run", "", "Only show what would be removed")
_SIZE = switch("size", "s", "Display total file sizes if the type is container")
_SINCE = value("since", "", "string", 'From this moment on ("2013-01-02T13:23:37Z", or "42m" for 42 minutes ago)')
_UNTIL = value("until", "", "string", "Up to this moment")
_DETACH_KEYS = value("detach-keys", "", "string", "Override the key sequence for detaching a container")
_SIG_PROXY = Flag("sig-proxy", "", "", "Proxy received signals to the process (default true)", default=True)

_CONTAINERS: tuple[Verb, ...] = (
    Verb("run", "IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image", "execute_run:run",
         RUN_FLAGS, 1, None, ("container run",), is_interspersed=False),
    Verb("create", "IMAGE [COMMAND] [ARG...]", "Create a new container", "execute_containers:create",
         RUN_FLAGS, 1, None, ("container create",), is_interspersed=False),
    Verb("ps", "", "List containers", "execute_ps:ps",
         (switch("all", "a", "Show all containers (default shows just running)"), _FILTER, _FORMAT,
          value("last", "n", "int", "Show n last created containers (includes all states)", convert=integer),
          switch("latest", "l", "Show the latest created container (includes all states)"), _NO_TRUNC, _QUIET,
          switch("size", "s", "Display total file sizes")), aliases=("container ls", "container ps", "container list")),
    Verb("logs", "CONTAINER", "Fetch the logs of a container", "execute_logs:logs",
         (switch("follow", "f", "Follow log output"), _SINCE,
          value("tail", "n", "string", 'Number of lines to show from the end of the logs (default "all")'),
          switch("timestamps", "t", "Show timestamps"), _UNTIL, *missing("details")),
         1, 1, ("container logs",)),
    Verb("start", "CONTAINER [CONTAINER...]", "Start one or more stopped containers", "execute_start:start",
         (switch("attach", "a", "Attach STDOUT/STDERR and forward signals"), _DETACH_KEYS,
          switch("interactive", "i", "Attach container's STDIN"), *missing("checkpoint=", "checkpoint-dir=")),
         1, None, ("container start",)),
    Verb("stop", "CONTAINER [CONTAINER...]", "Stop one or more running containers", "execute_containers:stop",
         (value("timeout", "t", "int", "Seconds to wait before killing the container", convert=integer,
                aliases=("time",)),
          value("signal", "s", "string", "Signal to send to the container", convert=sent_signal)),
         1, None, ("container stop",)),
    Verb("restart", "CONTAINER [CONTAINER...]", "Restart one or more containers", "execute_containers:restart",
         (value("timeout", "t", "int", "Seconds to wait before killing the container", convert=integer,
                aliases=("time",)),
          value("signal", "s", "string", "Signal to send to the container", convert=sent_signal)),
         1, None, ("container restart",)),
    Verb("rename", "CONTAINER NEW_NAME", "Rename a container", "execute_containers:rename", (), 2, 2,
         ("container rename",)),
    Verb("kill", "CONTAINER [CONTAINER...]", "Kill one or more running containers", "execute_containers:kill",
         (value("signal", "s", "string", "Signal to send to the container", convert=sent_signal),),
         1, None, ("container kill",)),
    Verb("rm", "CONTAINER [CONTAINER...]", "Remove one or more containers", "execute_containers:rm",
         (switch("force", "f", "Force the removal of a running container (uses SIGKILL)"),
          switch("volumes", "v", "Remove anonymous volumes associated with the container"),
          *missing("l/link")), 1, None, ("container rm", "container remove")),
    Verb("wait", "CONTAINER [CONTAINER...]", "Block until one or more containers stop, then print their exit codes",
         "execute_containers:wait", (), 1, None, ("container wait",)),
    Verb("attach", "CONTAINER", "Attach local standard input, output, and error streams to a running container",
         "execute_start:attach", (_DETACH_KEYS, switch("no-stdin", "", "Do not attach STDIN"), _SIG_PROXY),
         1, 1, ("container attach",)),
    Verb("exec", "CONTAINER COMMAND [ARG...]", "Execute a command in a running container", "execute_exec:execute",
         EXEC_FLAGS, 2, None, ("container exec",), is_interspersed=False),
    Verb("top", "CONTAINER [ps OPTIONS]", "Display the running processes of a container", "execute_processes:top",
         (), 1, None, ("container top",), is_interspersed=False),
    Verb("stats", "[CONTAINER...]", "Display a live stream of container(s) resource usage statistics",
         "execute_stats:stats", STATS_FLAGS, 0, None, ("container stats",)),
    Verb("pause", "CONTAINER [CONTAINER...]", "Pause all processes within one or more containers",
         "execute_processes:pause", (), 1, None, ("container pause",)),
    Verb("unpause", "CONTAINER [CONTAINER...]", "Unpause all processes within one or more containers",
         "execute_processes:unpause", (), 1, None, ("container unpause",)),
    Verb("update", "CONTAINER [CONTAINER...]", "Update configuration of one or more containers",
         "execute_processes:update", UPDATE_FLAGS, 1, None, ("container update",)),
    Verb("diff", "CONTAINER", "Inspect changes to files or directories on a container's filesystem",
         "execute_files:diff", (), 1, 1, ("container diff",)),
    Verb("cp", "CONTAINER:SRC_PATH DEST_PATH|-|SRC_PATH|- CONTAINER:DEST_PATH",
         "Copy files/folders between a container and the local filesystem", "execute_cp:cp", CP_FLAGS, 2, 2,
         ("container cp",)),
    Verb("export", "CONTAINER", "Export a container's filesystem as a tar archive", "execute_files:export",
         EXPORT_FLAGS, 1, 1, ("container export",)),
    Verb("commit", "CONTAINER [REPOSITORY[:TAG]]", "Create a new image from a container's changes",
         "execute_files:commit", COMMIT_FLAGS, 1, 2, ("container commit",)),
    Verb("container inspect", "CONTAINER [CONTAINER...]", "Display detailed information on one or more containers",
         "execute_inspect:inspect", (_FORMAT_F, _SIZE), 1, None, implied={"type": "container"}),
    Verb("container prune", "", "Remove all stopped containers", "execute_prune:prune",
         (_FORCE_PRUNE, _DRY_RUN, _PRUNE_FILTER), implied={"kinds": ("container",)}),
)  # fmt: skip

_IMAGES: tuple[Verb, ...] = (
    Verb("images", "[REPOSITORY[:TAG]]", "List images", "execute_images:images",
         (switch("all", "a", "Show all images (all are shown)"), switch("digests", "", "Show digests"), _FILTER,
          _FORMAT, _NO_TRUNC, _QUIET, *missing("tree")), 0, 1, ("image ls", "image list")),
    Verb("pull", "NAME[:TAG|@DIGEST]", "Download an image from a registry", "execute_images:pull",
         (switch("quiet", "q", "Suppress verbose output"),
          value("platform", "", "string", "Set platform if the image has more than one"), *missing("a/all-tags")),
         1, 1, ("image pull",)),
    Verb("tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
         "execute_archives:tag", (), 2, 2, ("image tag",)),
    Verb("history", "IMAGE", "Show the history of an image", "execute_archives:history",
         (_FORMAT, Flag("human", "H", "", "Print sizes and dates in human readable format (default true)",
                        default=True), _NO_TRUNC, _QUIET, *missing("platform=")), 1, 1, ("image history",)),
    Verb("save", "IMAGE [IMAGE...]", "Save one or more images to a tar archive (streamed to STDOUT by default)",
         "execute_archives:save", (value("output", "o", "string", "Write to a file, instead of STDOUT"),
                                   *missing("platform=")), 1, None, ("image save",)),
    Verb("load", "", "Load an image from a tar archive or STDIN", "execute_archives:load",
         (value("input", "i", "string", "Read from tar archive file, instead of STDIN"),
          switch("quiet", "q", "Suppress the load output"), *missing("platform=")), aliases=("image load",)),
    Verb("import", "FILE|- [REPOSITORY[:TAG]]", "Import the contents from a tarball to create a filesystem image",
         "execute_archives:import_image",
         (many("change", "c", "list", "Apply Dockerfile instruction to the created image"),
          value("message", "m", "string", "Set commit message for imported image"),
          value("platform", "", "string", "Set platform of the image")), 1, 2, ("image import",)),
    Verb("login", "[SERVER]", "Authenticate to a registry", "execute_login:login",
         (value("username", "u", "string", "Username"), value("password", "p", "string", "Password"),
          switch("password-stdin", "", "Take the password from stdin")), 0, 1),
    Verb("logout", "[SERVER]", "Log out from a registry", "execute_login:logout", (), 0, 1),
    Verb("rmi", "IMAGE [IMAGE...]", "Remove one or more images", "execute_images:rmi",
         (switch("force", "f", "Force removal of the image"), *missing("no-prune", "platform=")),
         1, None, ("image rm", "image remove")),
    Verb("image inspect", "IMAGE [IMAGE...]", "Display detailed information on one or more images",
         "execute_inspect:inspect", (_FORMAT_F, *missing("platform=")), 1, None, implied={"type": "image"}),
    Verb("image prune", "", "Remove unused images", "execute_prune:prune",
         (switch("all", "a", "Remove all unused images, not just dangling ones"), _FORCE_PRUNE, _DRY_RUN,
          _PRUNE_FILTER), implied={"kinds": ("image",)}),
)  # fmt: skip

_REST: tuple[Verb, ...] = (
    Verb("inspect", "NAME|ID [NAME|ID...]", "Return low-level information on Docker objects",
         "execute_inspect:inspect",
         (_FORMAT_F, value("type", "", "string", "Only inspect objects of the given type"), _SIZE),
         1, None),
    Verb("events", "", "Get real time events", "execute_events:events", (_FILTER, _FORMAT, _SINCE, _UNTIL),
         aliases=("system events",)),
    Verb("info", "", "Display system-wide information", "execute_info:info", (_FORMAT_F,), aliases=("system info",)),
    Verb("version", "", "Show the dockview version information", "execute_info:version", (_FORMAT_F,)),
    Verb("port", "CONTAINER [PRIVATE_PORT[/PROTO]]",
         "List port mappings or a specific mapping for the container", "execute_networks:port", (), 1, 2,
         ("container port",)),
    Verb("network create", "NETWORK", "Create a network", "execute_networks:create", CREATE_FLAGS, 1, 1),
    Verb("network rm", "NETWORK [NETWORK...]", "Remove one or more networks", "execute_networks:rm",
         (switch("force", "f", "Do not error if the network does not exist"),), 1, None, ("network remove",)),
    Verb("network connect", "NETWORK CONTAINER", "Connect a container to a network", "execute_networks:connect",
         CONNECT_FLAGS, 2, 2),
    Verb("network disconnect", "NETWORK CONTAINER", "Disconnect a container from a network",
         "execute_networks:disconnect",
         (switch("force", "f", "Force the container to disconnect from a network"),), 2, 2),
    Verb("network ls", "", "List networks", "execute_lists:networks", (_FILTER, _FORMAT, _NO_TRUNC, _QUIET),
         aliases=("network list",)),
    Verb("network inspect", "NETWORK [NETWORK...]", "Display detailed information on one or more networks",
         "execute_inspect:inspect", (_FORMAT_F,), 1, None, implied={"type": "network"}),
    Verb("network prune", "", "Remove all unused networks", "execute_prune:prune",
         (_FORCE_PRUNE, _DRY_RUN, _PRUNE_FILTER), implied={"kinds": ("network",)}),
    Verb("volume create", "[VOLUME]", "Create a volume", "execute_files:volume_create", VOLUME_CREATE_FLAGS, 0, 1),
    Verb("volume rm", "VOLUME [VOLUME...]", "Remove one or more volumes", "execute_files:volume_rm",
         (switch("force", "f", "Force the removal of one or more volumes"),), 1, None, ("volume remove",)),
    Verb("volume ls", "", "List volumes", "execute_lists:volumes", (_FILTER, _FORMAT, _QUIET),
         aliases=("volume list",)),
    Verb("volume inspect", "VOLUME [VOLUME...]", "Display detailed information on one or more volumes",
         "execute_inspect:inspect", (_FORMAT_F,), 1, None, implied={"type": "volume"}),
    Verb("volume prune", "", "Remove unused local volumes", "execute_prune:prune",
         (switch("all", "a", "Remove all unused volumes, not just anonymous ones"), _FORCE_PRUNE, _DRY_RUN,
          _PRUNE_FILTER), implied={"kinds": ("volume",)}),
    Verb("system df", "", "Show disk usage", "execute_disk:disk_usage",
         (_FORMAT, switch("verbose", "v", "Show detailed information on space usage"))),
    Verb("system prune", "", "Remove unused data", "execute_prune:prune",
         (switch("all", "a", "Remove all unused images not just dangling ones"), _FORCE_PRUNE, _DRY_RUN,
          switch("volumes", "", "Prune volumes"), _PRUNE_FILTER),
         implied={"kinds": ("container", "network", "image")}),
    Verb("doctor", "", "Show what this machine can do, and what to install for the rest", "execute_doctor:doctor",
         (_FORMAT,)),
    Verb("trace", "[CONTAINER|TRACE]", "Show every step of a run, with evidence", "execute_trace:trace",
         (switch("json", "", "Print the trace as JSON"), switch("list", "", "List the newest traces")), 0, 1),
)  # fmt: skip

VERBS: Sequence[Verb] = (*_CONTAINERS, *_IMAGES, *_REST)
"""All verbs, in the order of the help."""

SPELLINGS: Mapping[str, Verb] = {spelling: verb for verb in VERBS for spelling in (verb.name, *verb.aliases)}
"""Every spelling of every verb."""

GROUPS: Mapping[str, str] = {
    "container": "Manage containers",
    "image": "Manage images",
    "network": "Manage networks",
    "volume": "Manage volumes",
    "system": "Manage dockview",
}
"""The first words of long forms, and what each is about."""

MISSING_VERBS: frozenset[str] = frozenset({
    "build", "builder", "buildx", "checkpoint", "compose", "config", "context",
    "manifest", "node", "plugin", "push",
    "search", "secret", "service", "stack", "swarm", "trust",

})  # fmt: skip
"""What docker has and this version has not, alone or after a group (`network create`)."""

GLOBAL_FLAGS: Sequence[Flag] = (
    value("root", "", "string", "Folder of the embedded engine's store"),
    value("engine", "", "string", "Which engine: embedded or docker (default $DOCKVIEW_ENGINE, else embedded)"),
    value("context", "c", "string", "Name of the docker context to connect to"),
    value("host", "H", "string", "Daemon socket to connect to: the docker engine's"),
    switch("version", "v", "Print version information and quit"),
    switch("help", "h", "Print usage"),
    *missing("D/debug", "l/log-level=", "config=", "tls", "tlsverify", "tlscacert=", "tlscert=", "tlskey="),
)
"""The flags before the verb."""
