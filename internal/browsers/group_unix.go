//go:build unix

package browsers

import (
	"os/exec"
	"syscall"
)

// startsGroup lets a command run in a process group of its own.
func startsGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends all processes of a command that has been started.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
