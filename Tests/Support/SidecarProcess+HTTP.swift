import Foundation

/// What the admin API of a sidecar has answered.
package struct HTTPAnswer: Sendable {
    /// 200
    package var status: Int
    /// By their names in lower case.
    package var headers: [String: String]
    /// As text.
    package var body: String
}

extension SidecarProcess {
    /// Asks the admin API on its Unix socket, with the token of the data folder, `tollgate-data` where the arguments name no other.
    package func ask(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:],
        data: String = "tollgate-data"
    ) async throws -> HTTPAnswer {
        let token = try? String(contentsOfFile: "\(folder.path)/\(data)/admin-token", encoding: .utf8)
        let all = [
            "Host": "localhost", "Connection": "close", "Content-Length": "\(body.utf8.count)",
            "Content-Type": "application/json",
            "Authorization": "Bearer \(token?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")",
        ].merging(headers) { $1 }
        let client = try SocketClient(.unix(path: adminSocketPath))
        let head = all.map { "\($0.key): \($0.value)\r\n" }.sorted().joined()
        try await client.send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body)")
        var lines: [String] = []
        while let line = try await client.readLine(), !line.isEmpty { lines.append(line) }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        var answer = HTTPAnswer(status: status ?? 0, headers: [:], body: "")
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts.last?.trimmingCharacters(in: .whitespaces)
        }
        answer.body = String(decoding: try await client.readToEnd(), as: UTF8.self)
        return answer
    }
}
