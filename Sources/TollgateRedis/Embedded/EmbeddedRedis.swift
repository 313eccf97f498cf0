import Foundation
package import Logging
import TollgateCore

/// A supervised redis-server child process with its own data folder.
///
/// Usable from any task. Call ``start()``, then ``run()``, which restarts the server until the end. The data folder stays
/// locked meanwhile, so that no other process can start a second server over the same files.
package actor EmbeddedRedis {
    static let restartBackoff = Backoff(minDelay: .milliseconds(100), maxDelay: .seconds(5))
    /// The maximum time for a server to become reachable, to load its data, and for a leftover server to exit.
    static let startTimeout = Duration.seconds(10)
    /// The maximum time for a server to exit after SIGTERM. The writes that it has acknowledged have reached the operating
    /// system by then.
    static let stopTimeout = Duration.seconds(5)
    /// The number of consecutive exits before the server can serve after which it is not restarted any more.
    static let maxFailedStarts = 5

    /// The program and the paths of one server.
    private struct Installation {
        let program: String
        let folder: String
        let socketPath: String
        var logPath: String { folder + "/redis.log" }
    }

    private let dataFolder: String
    private let searchPath: String
    private let logger: Logger
    private var lock: FolderLock?
    private var installation: Installation?
    private var process: RedisProcess?
    private var lastExit = ""
    private var exitWaiters: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false
    /// Whether the current server, or the last one if none runs, has loaded its data and served.
    private var hasServed = false

    /// Creates a supervisor without starting a server.
    ///
    /// - Parameters:
    ///   - dataFolder: The folder of the data, created if it is missing.
    ///   - searchPath: The colon-separated folders in which to find `redis-server`; nil means `PATH`.
    package init(dataFolder: String, logger: Logger, searchPath: String? = nil) {
        self.dataFolder = dataFolder
        self.logger = logger
        self.searchPath = searchPath ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
    }

    /// The process ID of the server; nil while none runs.
    package var processIdentifier: Int32? { process?.pid }

    /// Starts the server and returns when it serves, or when it has been loading its data for 10 seconds.
    ///
    /// Shuts down a server that a killed tollgate has left behind over the same folder first. Throws
    /// ``RedisError/embedded(_:)`` with a sentence for the operator, or `CancellationError`; no server runs then.
    package func start() async throws -> RedisAddress {
        let program = try Self.findProgram(in: searchPath)
        try await Self.checkVersion(of: program)
        let folder = try Self.prepareFolder(dataFolder)
        let installation = Installation(program: program, folder: folder, socketPath: try Self.socketPath(in: folder))
        lock = try FolderLock(folder: folder)
        self.installation = installation
        isStopping = false
        do {
            try await shutDownLeftover(installation)
            try launch(installation)
            try await waitUntilServing(installation)
        } catch {
            await stop()
            throw error
        }
        return RedisAddress(unixSocket: installation.socketPath)
    }

    /// Restarts the server whenever it exits. Returns after ``stop()``, or once the task is cancelled and the server has
    /// exited.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence for the operator when the server repeatedly exits before it serves,
    /// for example over data that it cannot load. No server runs then.
    package func run() async throws(RedisError) {
        let failure = await withTaskCancellationHandler {
            await supervise()
        } onCancel: {
            Task { await self.stop() }
        }
        await stop()
        if let failure { throw failure }
    }

    /// Stops the server with SIGTERM, so that it writes everything to disk, and kills it after 5 seconds.
    ///
    /// Resumes a server that was stopped by a signal first. Has no effect when no server runs.
    package func stop() async {
        isStopping = true
        if let process {
            process.terminate()
            process.resume()
            let killer = Task {
                try await Task.sleep(for: Self.stopTimeout)
                process.kill()
            }
            await waitForExit()
            killer.cancel()
        }
        lock = nil
        installation = nil
    }

    // MARK: - The process

    private func launch(_ installation: Installation) throws(RedisError) {
        let arguments = Self.arguments(folder: installation.folder, socketPath: installation.socketPath)
        let process = try RedisProcess(
            program: installation.program, arguments: arguments, logPath: installation.logPath
        ) { status in
            Task { await self.processExited(status) }
        }
        self.process = process
        logger.info("redis-server started", metadata: ["data": "\(installation.folder)", "pid": "\(process.pid)"])
    }

    private func processExited(_ status: String) {
        process = nil
        lastExit = status
        let waiting = exitWaiters
        exitWaiters = []
        for continuation in waiting { continuation.resume() }
    }

    private func waitForExit() async {
        guard process != nil else { return }
        await withCheckedContinuation { exitWaiters.append($0) }
    }

    /// Restarts the server until ``stop()``, and then returns nil. Returns an error after too many failed starts.
    private func supervise() async -> RedisError? {
        var (failures, failedStarts) = (0, 0)
        while let installation, !isStopping, !Task.isCancelled {
            let startedAt = ContinuousClock.now
            hasServed = false
            let watch = Task { await watchUntilServing(installation) }
            await waitForExit()
            watch.cancel()
            guard !isStopping else { return nil }
            failedStarts = hasServed ? 0 : failedStarts + 1
            guard failedStarts < Self.maxFailedStarts else { return restartLimitError(installation) }
            failures = ContinuousClock.now - startedAt > Self.startTimeout ? 1 : failures + 1
            logger.error(
                "redis-server exited; restarting it",
                metadata: ["data": "\(installation.folder)", "exit": "\(lastExit)", "log": "\(installation.logPath)"])
            try? await Task.sleep(for: Self.restartBackoff.delay(afterFailures: failures))
            guard !isStopping, !Task.isCancelled else { return nil }
            do {
                try launch(installation)
            } catch {
                lastExit = error.description
            }
        }
        return nil
    }

    /// Polls the server until it has loaded its data, and records that.
    private func watchUntilServing(_ installation: Installation) async {
        let probe = RedisProbe(socketPath: installation.socketPath)
        while !Task.isCancelled, process != nil {
            if await probe.askInBackground("PING") == .reply("PONG") {
                hasServed = true
                return
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private func restartLimitError(_ installation: Installation) -> RedisError {
        .embedded(
            """
            --data \(dataFolder): redis-server exited \(Self.maxFailedStarts) times in a row before it could serve \
            (\(lastExit)) and is not restarted; last line of redis.log: \(Self.lastLine(ofLog: installation.logPath))
            """)
    }

    // MARK: - Starting

    private func waitUntilServing(_ installation: Installation) async throws {
        let probe = RedisProbe(socketPath: installation.socketPath)
        let deadline = ContinuousClock.now + Self.startTimeout
        var isLoading = false
        while ContinuousClock.now < deadline {
            guard process != nil else {
                let line = Self.lastLine(ofLog: installation.logPath)
                throw RedisError.embedded(
                    "--data \(dataFolder): redis-server exited at once (\(lastExit)); last line of redis.log: \(line)"
                )
            }
            if case .reply(let answer) = probe.ask("PING") {
                guard answer != "PONG" else { return }
                if !isLoading {
                    logger.notice(
                        "waiting for redis-server", metadata: ["data": "\(installation.folder)", "state": "\(answer)"])
                }
                isLoading = true
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        guard !isLoading else {
            return logger.warning(
                "redis-server is still loading its data; deciding without Redis until it is ready",
                metadata: ["data": "\(installation.folder)"])
        }
        throw RedisError.embedded(
            "--data \(dataFolder): redis-server was started but does not answer; see redis.log in that folder")
    }

    /// Shuts down a server that a killed tollgate has left behind. The folder's lock is held, so a server that answers in
    /// the folder can only be such a leftover.
    private func shutDownLeftover(_ installation: Installation) async throws {
        let probe = RedisProbe(socketPath: installation.socketPath)
        guard probe.ask("PING") != .absent else { return }
        logger.notice(
            "shutting down a leftover redis-server in the data folder",
            metadata: ["data": "\(installation.folder)"])
        _ = probe.ask("SHUTDOWN")
        let deadline = ContinuousClock.now + Self.startTimeout
        while ContinuousClock.now < deadline {
            if probe.ask("PING") == .absent { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RedisError.embedded(
            "--data \(dataFolder): a redis-server left behind on redis.sock does not shut down; stop it first"
        )
    }
}
