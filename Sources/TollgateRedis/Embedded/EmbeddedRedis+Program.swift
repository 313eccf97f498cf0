import Foundation

/// The redis-server program, its arguments and its files.
extension EmbeddedRedis {
    /// Returns the first `redis-server` in the folders of a search path such as `PATH`.
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

    /// Finds the program in the folders of `PATH`, and checks its version. Returns its path. Takes at most 10 seconds.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence for the operator where there is none that fits.
    package static func checkProgram() async throws(RedisError) -> String {
        let program = try findProgram(in: ProcessInfo.processInfo.environment["PATH"] ?? "")
        try await checkVersion(of: program)
        return program
    }

    /// Checks the program's version. Throws ``RedisError/embedded(_:)`` with a sentence that names program and version where
    /// it is too old or unknown.
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

    /// Returns the output of `--version`, or nil where the program cannot be run or takes more than 10 seconds.
    private static func versionOutput(of program: String) async -> String? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: RedisProcess.output(of: program, "--version"))
            }
        }
    }

    /// Returns the arguments of the server. Writes go to the append-only file, which is synced every second, and writes past
    /// the memory limit are rejected instead of evicting keys.
    static func arguments(folder: String, socketPath: String) -> [String] {
        [
            "--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "600",
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--dir", folder, "--daemonize", "no", "--maxmemory-policy", "noeviction",
        ] + tuning
    }

    /// Settings that suit Tollgate's data better than Redis's defaults.
    ///
    /// A scope's hash stays a listpack although its window buckets exceed 64 bytes, at a third of the memory. The append-only
    /// file is rewritten every 256 MB instead of every 64 MB, as a rewrite occupies a core while it lasts.
    package static let tuning = ["--hash-max-listpack-value", "512", "--auto-aof-rewrite-min-size", "256mb"]

    /// Creates the folder, for its owner only, and returns its absolute path.
    ///
    /// An existing folder keeps its permissions, as it may have other uses. The data in it is accessible to its owner only.
    static func prepareFolder(_ folder: String) throws(RedisError) -> String {
        let path = URL(fileURLWithPath: folder, isDirectory: true).standardizedFileURL.path
        do {
            // The folder of redis-server's append-only files, which it would make readable for everyone.
            for path in [path, path + "/appendonlydir"] {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
        } catch {
            if FileManager.default.fileExists(atPath: path), access(path, W_OK) != 0 {
                throw .embedded("--data \(folder): cannot write to the folder: \(String(cString: strerror(errno)))")
            }
            throw .embedded("--data \(folder): the folder cannot be created: \(error.localizedDescription)")
        }
        return path
    }

    /// Returns the path of the socket in the folder. Throws where it exceeds the system's limit.
    package static func socketPath(in folder: String) throws(RedisError) -> String {
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

    /// Returns the last line of the server's log, for an error message about its exit.
    static func lastLine(ofLog path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > 4_096 ? size - 4_096 : 0)
        let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }
}
