# Other processes are read: their root, folder, environment, memory and open files.

# %% *
import glob
import os

own = str(os.getpid())
for folder in glob.glob("/proc/[0-9]*"):
    if os.path.basename(folder) != own:
        for name in ("root/{{canary}}", "cwd/canary.txt", "mem", "environ", "maps", "fd/3"):
            try:
                with open(f"{folder}/{name}", "rb") as file:
                    text = file.read(1000)
            except OSError:
                continue
            if text:
                print("EVIDENCE:", folder, name, text)
for number in range(1, 400):
    if number != os.getpid() and os.path.exists(f"/proc/{number}"):
        print("process", number, open(f"/proc/{number}/cmdline").read())
print("tried")
