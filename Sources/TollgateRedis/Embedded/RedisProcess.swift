import Foundation

/// A running process of the embedded redis-server.
struct RedisProcess: Sendable {
    private let process: Process

    /// Starts the program and appends its output to the file at `logPath`.
    ///
    /// Foundation gives the child its own process group, so that a Ctrl-C in the terminal does not reach the child.
    ///
    /// - Parameter onExit: Called once, on a system thread, with `status <n>` or `signal <n>`.
    init(
        program: String, arguments: [String], logPath: String, onExit: @escaping @Sendable (String) -> Void
    ) throws(RedisError) {
        let descriptor = open(logPath, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .embedded("\(logPath) cannot be opened: \(String(cString: strerror(errno)))")
        }
        let log = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log
        process.standardError = log
        process.terminationHandler = { process in
            let reason = process.terminationReason == .exit ? "status" : "signal"
            onExit("\(reason) \(process.terminationStatus)")
        }
        do {
            try Self.withSignalsUnblocked { try process.run() }
        } catch {
            throw .embedded("\(program) cannot be started: \(error.localizedDescription)")
        }
    }

    /// Runs the body with an empty signal mask.
    ///
    /// A child inherits the signal mask of the thread that starts it. The threads of Swift tasks block SIGTERM, so a server
    /// started there would never receive it.
    private static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
        var emptyMask = sigset_t()
        var previousMask = sigset_t()
        sigemptyset(&emptyMask)
        pthread_sigmask(SIG_SETMASK, &emptyMask, &previousMask)
        defer { pthread_sigmask(SIG_SETMASK, &previousMask, nil) }
        try body()
    }

    /// Returns the output of the program with the given arguments, or nil where it fails or does not exit within 10
    /// seconds. Blocks.
    static func output(of program: String, _ arguments: String...) -> String? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? withSignalsUnblocked { try process.run() }) != nil else { return nil }
        let killer = DispatchWorkItem { if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) } }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(10), execute: killer)
        defer { killer.cancel() }
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The process ID.
    var pid: Int32 { process.processIdentifier }

    /// Sends SIGTERM.
    func terminate() {
        process.terminate()
    }

    /// Sends SIGCONT, which resumes a process that was stopped by a signal.
    func resume() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGCONT) }
    }

    /// Sends SIGKILL.
    func kill() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }
}
