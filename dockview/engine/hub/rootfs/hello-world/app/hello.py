"""Says hello, and how it came to that."""

import os
import socket

MESSAGE = f"""
Hello from a container of your own!

This text was printed by process {os.getpid()} on host "{socket.gethostname()}", which is to say:
inside a container. To bring it to you,

 1. dockview completed the name you typed and looked for the image in its store.
 2. It was not there, so a registry was asked: token, index, manifest, config.
    (The second time it will be there. Try it.)
 3. Each layer was downloaded, checked against its digest and unpacked.
 4. The layers were stacked, with a writable one on top: this is my file system.
 5. Namespaces were made, a cgroup, a network; rights that nobody needs were taken away.
 6. This program was executed as process 1, and its words went to the log you are reading.

Every one of these steps can be looked at, with the proof: open the Lifecycle of this
container. Something more ambitious:

    dockview run -d -p 8080:80 --name web web     and then     curl localhost:8080
    dockview run -it box                          a shell to look around in
"""

print(MESSAGE, flush=True)
