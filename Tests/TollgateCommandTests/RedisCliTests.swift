import Testing
import TollgateTestSupport

/// The unmodified redis-cli.
@Suite struct RedisCliTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 3 }, tokens: { total: 1000 } }
        """

    @Test("redis-cli checks, records and reads usage")
    func commands() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        func ask(_ words: String...) async throws -> String {
            let command = try await Command.run("redis-cli", ["-p", "\(sidecar.port)"] + words)
            #expect(command.status == 0, "\(words)")
            #expect(command.errors == "", "\(words)")
            return command.output
        }
        #expect(
            try await ask("CHECK", "user=alice").hasPrefix(
                "ALLOW limit=user:alice/requests/31d max=3 used=1 remaining=2 "))
        #expect(try await ask("RECORD", "user=alice", "tokens=500") == "OK\n")
        #expect(
            try await ask("check", "user=alice", "tokens=501").hasPrefix(
                "DENY reason=quota_exceeded limit=user:alice/tokens/total"))
        #expect(
            try await ask("CHECK", "user=Alice B").hasPrefix(#"ALLOW limit="user:Alice B/requests/31d" max=3 used=1 "#))
        #expect(try await ask("PING") == "PONG\n")
        #expect(try await ask("USAGE", "scope=user:alice").contains(#""limit":"tokens/total","max":1000,"#))
        #expect(try await ask("CHECK", "user") == "ERR bad_request user: expected key=value\n\n")
        #expect(try await ask("FOO") == "ERR unknown_verb FOO\n\n")
        for words in [["INFO"], ["INFO", "server"]] {
            let info = try await Command.run("redis-cli", ["-p", "\(sidecar.port)"] + words).output
            #expect(info.hasPrefix("# Server\r\n") && info.contains("\r\n\r\n# Clients\r\n"), "\(info)")
            #expect(info.contains("\r\ndecisions_allowed:2\r\n"), "\(info)")
        }
        #expect(try await ask("STATUS").contains(#""allowed":2,"#))
        #expect(try await ask("-3", "CHECK", "user=bob").hasPrefix("ALLOW limit=user:bob/"))
        #expect(try await sidecar.count("allowed") == 3)
    }

    @Test("redis-cli pipes commands over one connection and prints the replies in order")
    func pipe() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let input = """
            CHECK user=alice
            CHECK user=alice requests=2
            CHECK user=alice
            CHECK "user=A B"
            RECORD user=alice tokens=5
            NONSENSE
            PING
            """
        let command = try await Command.run("redis-cli", ["-p", "\(sidecar.port)"], input: input + "\n")
        #expect(command.status == 0)
        let replies = command.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(replies == ["ALLOW", "ALLOW", "DENY", "ALLOW", "OK", "ERR", "PONG"], "\(command.output)")
        #expect(try await sidecar.count("denied") == 1)
    }

    @Test("redis-cli sends the token as a password")
    func password() async throws {
        let sidecar = try await Sidecar(policy: Self.policy, token: "a secret of tests")
        let arguments = ["-p", "\(sidecar.port)", "CHECK", "user=alice"]
        let right = try await Command.run("redis-cli", arguments, environment: ["REDISCLI_AUTH": "a secret of tests"])
        #expect(right.output.hasPrefix("ALLOW limit=user:alice/"))
        #expect(right.errors == "")
        let wrong = try await Command.run("redis-cli", arguments, environment: ["REDISCLI_AUTH": "guess"])
        #expect(wrong.errors == "AUTH failed: ERR unauthenticated wrong token\n")
        #expect(wrong.output == "ERR unauthenticated AUTH with the token first\n\n")
    }

    @Test("redis-cli works in a terminal, where it requests COMMAND DOCS first", .enabled(if: Python.isThere))
    func interactive() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let command = try await Command.run(
            Python.program, ["-c", Self.terminal, "\(sidecar.port)"], environment: ["TERM": "xterm"], patience: 60)
        #expect(command.status == 0, "\(command.errors)")
        #expect(try await sidecar.count("allowed") == 1)
    }

    /// Runs redis-cli in a pseudo-terminal, types a CHECK, waits for the reply and the next prompt, and types quit.
    static let terminal = #"""
        import fcntl, os, pty, select, struct, subprocess, sys, termios, time

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        child = subprocess.Popen(
            ["redis-cli", "-p", sys.argv[1]], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        shown = bytearray()

        def see(text, start):
            end = time.monotonic() + 15
            while shown.find(text, start) < 0:
                if time.monotonic() > end:
                    child.kill()
                    sys.exit("%r never came after %r" % (text, bytes(shown)))
                if select.select([ours], [], [], 0.1)[0]:
                    shown.extend(os.read(ours, 65536))
            return shown.find(text, start) + len(text)

        place = see(b"> ", 0)
        os.write(ours, b"CHECK user=bob\r")
        place = see(b"ALLOW limit=user:bob/requests/31d max=3 used=1", place)
        see(b"> ", place)
        os.write(ours, b"quit\r")
        sys.exit(child.wait(15))
        """#
}
