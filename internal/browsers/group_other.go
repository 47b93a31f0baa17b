//go:build !unix

package browsers

import "os/exec"

func startsGroup(*exec.Cmd) {}

// killGroup ends the command alone: there are no process groups here.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
