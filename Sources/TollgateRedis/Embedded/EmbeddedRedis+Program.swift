import Foundation

/// How the program is found and what it is told.
extension EmbeddedRedis {
    /// The first `redis-server` in the folders of a search path such as `PATH`.
    static func findProgram(in searchPath: String) throws(RedisError) -> String {
        for folder in searchPath.split(separator: ":") {
            let path = "\(folder)/redis-server"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw .embedded(
            """
            redis-server was not found in PATH: install it (Debian/Ubuntu: apt-get install redis-server), \
            or name a running Redis with --redis
            """)
    }

    /// Asks the program for its version. Throws ``RedisError/embedded(_:)`` with a sentence that names both where it is too
    /// old, or does not say.
    static func checkVersion(of program: String) async throws(RedisError) {
        let output = await versionOutput(of: program)
        guard let output, let version = RedisVersion(programOutput: output) else {
            throw .embedded("\(program) --version does not print a version: is it a redis-server?")
        }
        guard version.isTooOld else { return }
        throw .embedded(
            """
            \(program) is version \(version), and Tollgate needs Redis \(RedisVersion.oldestMajor).0 or later: install a \
            later one, or name a running Redis with --redis
            """)
    }

    /// What `--version` prints; nil where the program cannot be run, or takes more than 10 seconds.
    private static func versionOutput(of program: String) async -> String? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: RedisProcess.output(of: program, "--version"))
            }
        }
    }

    /// Every write goes to the append-only file and is on disk a second later; what has no room is refused, never
    /// evicted.
    static func arguments(folder: String, socketPath: String) -> [String] {
        [
            "--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "600",
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--dir", folder, "--daemonize", "no", "--maxmemory-policy", "noeviction",
        ] + tuning
    }

    /// What suits Tollgate's data better than Redis's defaults: a scope's hash stays one compact piece of memory although its
    /// rings are longer than 64 bytes, a third of what it takes otherwise; and the append-only file is rewritten, which takes
    /// a core for as long as it lasts, once in 256 MB and not once in 64.
    package static let tuning = ["--hash-max-listpack-value", "512", "--auto-aof-rewrite-min-size", "256mb"]

    /// Makes the folder, for its owner only, and gives its path from the root. One that is there keeps its rights: it
    /// may be used for other things as well; the data within it is its owner's alone all the same.
    static func prepareFolder(_ folder: String) throws(RedisError) -> String {
        let path = URL(fileURLWithPath: folder, isDirectory: true).standardizedFileURL.path
        do {
            // What redis-server calls the folder of its append-only files, where it would let everyone read.
            for path in [path, path + "/appendonlydir"] {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
        } catch {
            throw .embedded("--data \(folder): the folder cannot be made: \(error.localizedDescription)")
        }
        return path
    }

    /// The path of the socket within the folder, if the system takes one so long.
    static func socketPath(in folder: String) throws(RedisError) -> String {
        let path = folder + "/redis.sock"
        guard path.utf8.count <= RedisAddress.maxSocketPathLength else {
            throw .embedded(
                """
                --data \(folder): the path of redis.sock in it would have \(path.utf8.count) bytes, and a socket's \
                path has at most \(RedisAddress.maxSocketPathLength): name a folder with a shorter path
                """)
        }
        return path
    }

    /// The last line of the server's log, for a message about its end.
    static func lastWords(inLog path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > 4_096 ? size - 4_096 : 0)
        let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }
}
