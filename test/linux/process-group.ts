/** The process group of a process, by which a terminal and the kernel stop it. */
import koffi from 'koffi';

const setpgid = koffi.load(null).func('int setpgid(int pid, int group)');

/** From now on this process is in a group of its own. */
export const leaveGroup = (): void => void setpgid(0, 0);
