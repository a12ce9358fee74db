# SPDX-License-Identifier: GPL-2.0-only
"""The guest's end of guest.py: runs commands for the host.

Theory of operation: a line of JSON each way over a serial port. For
{"id", "cmd", "env"} it runs cmd and replies with {"id", "out"} whenever there
is output, then {"id", "code"}. Several commands may run at once. Its first line
is {"ready": the kernel's release}, sent once it has opened the port.

usage: guestagent.py DEVICE
"""
import codecs
import json
import os
import subprocess
import sys
import threading
import tty

CHECKOUT = "/checkout"


class Agent:
    def __init__(self, device):
        self.fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.lock = threading.Lock()

    def say(self, **message):
        data = json.dumps(message).encode() + b"\n"
        with self.lock:
            while data:
                data = data[os.write(self.fd, data):]

    def run(self, id, cmd, env):
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        try:
            p = subprocess.Popen(cmd, cwd=CHECKOUT, env={**os.environ, **env},
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        except OSError as e:
            self.say(id=id, out=f"{cmd[0]}: {e.strerror}\n")
            self.say(id=id, code=127)
            return
        while data := os.read(p.stdout.fileno(), 1 << 16):
            self.say(id=id, out=decode(data))
        code = p.wait()
        self.say(id=id, code=code if code >= 0 else 128 - code)

    def serve(self):
        self.say(ready=os.uname().release)
        with open(self.fd, "rb", buffering=0, closefd=False) as port:
            pending = b""
            while data := port.read(4096):
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    threading.Thread(target=self.run, kwargs=json.loads(line),
                                     daemon=True).start()


if __name__ == "__main__":
    Agent(sys.argv[1]).serve()
