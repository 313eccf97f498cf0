import Foundation

/// What the system says of this process: processor time, memory and open files. Linux only.
package struct ProcessMetrics: Sendable {
    /// Seconds of processor time, in user and kernel mode.
    package var cpuSeconds: Double
    package var residentBytes: Int64
    package var virtualBytes: Int64
    package var openFiles: Int
    package var maxOpenFiles: Int
    /// The start of the process, Unix seconds.
    package var startedAt: Double

    /// Reads `/proc/self`; nil where there is none.
    package static func read() -> ProcessMetrics? {
        guard let stat = text(of: "/proc/self/stat"),
            // The name of the program, in parentheses, may contain spaces.
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // Numbers as in proc(5), less the two fields before: utime 14, stime 15, starttime 22, vsize 23, rss 24.
        func number(_ index: Int) -> Double? { fields.indices.contains(index - 3) ? Double(fields[index - 3]) : nil }
        guard let user = number(14), let kernel = number(15), let start = number(22), let virtual = number(23),
            let pages = number(24), let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ProcessMetrics(
            cpuSeconds: (user + kernel) / ticks, residentBytes: Int64(pages) * Int64(sysconf(Int32(_SC_PAGESIZE))),
            virtualBytes: Int64(virtual), openFiles: files.count, maxOpenFiles: OpenFiles.limit,
            startedAt: bootTime + start / ticks)
    }

    /// The start of the system, Unix seconds, as it was first computed: a start that changes would be a restart. A sandbox
    /// can hide `/proc/stat`, which says it too.
    private static let bootTime: Double = {
        var uptime = timespec()
        clock_gettime(CLOCK_BOOTTIME, &uptime)
        return Date.now.timeIntervalSince1970 - Double(uptime.tv_sec) - Double(uptime.tv_nsec) / 1e9
    }()

    private static func text(of path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
