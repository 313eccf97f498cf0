import Foundation
import Testing
import TollgateTestSupport

/// A sidecar that was started at a terminal, which python3 provides.
@Suite struct ServeAtTerminalTests {
    /// Starts a sidecar at a terminal, waits until it listens, closes the terminal, and waits for the sidecar's end.
    private static let closing = """
        import os, pty, socket, sys, time
        program, folder = sys.argv[1:]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execv(program, [program, "serve", "--listen", "unix:line.sock", "--admin", "off"])
        import threading
        output = []
        def drain():
            try:
                while True:
                    output.append(os.read(terminal, 65536))
            except OSError:
                pass
        threading.Thread(target=drain, daemon=True).start()
        deadline = time.time() + 60
        while True:
            try:
                client = socket.socket(socket.AF_UNIX)
                client.connect(folder + "/line.sock")
                break
            except OSError:
                client.close()
                if time.time() > deadline: sys.exit(b"".join(output).decode())
                time.sleep(0.05)
        os.kill(pid, 1)
        while time.time() < deadline:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                sys.exit(os.waitstatus_to_exitcode(status))
            time.sleep(0.05)
        sys.exit("it still runs: " + b"".join(output).decode())
        """

    @Test("SIGHUP ends a sidecar at a terminal, and its Redis")
    func closedTerminal() async throws {
        let folder = try TemporaryFolder()
        try folder.write("no_limits: true\n", to: "tollgate.yaml")
        let command = try await Command.run("python3", ["-c", Self.closing, SidecarProcess.program, folder.path])
        #expect(command.status == 0, "\(command.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/tollgate-data/redis.sock"))
    }

    @Test("without a policy file, serve says how to write one")
    func emptyFolder() async throws {
        let folder = try TemporaryFolder()
        let command = try await Command.run(SidecarProcess.program, ["serve"], workingFolder: folder.path)
        #expect(command.status == 1)
        #expect(
            command.errors
                == "Error: tollgate.yaml: does not exist; write an example there: tollgate policy example > tollgate.yaml\n"
        )
    }

    @Test("the completion script of bash is valid and registers the command")
    func completion() async throws {
        let script = try await Command.run(SidecarProcess.program, ["--generate-completion-script", "bash"])
        let command = try await Command.run("bash", ["-c", script.output + "\ncomplete -p tollgate"])
        #expect(command.status == 0, "\(command.errors)")
        #expect(command.output.hasSuffix("tollgate\n"), "\(command.output)")
    }
}
