import ArgumentParser
import Foundation
import TollgateAdmin

/// `tollgate audit`
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who has changed what, newest first.")
    @OptionGroup var options: AdminOptions

    @Option(help: "The most changes to show, 1 to 10000.")
    var limit = 20

    /// The most changes that the API gives at a time.
    private static let page = 1_000

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 10000.") }
    }

    func run() async throws {
        try await options.run { client in
            var reply = try await client.send(request(limit, after: nil))
            var answer = try reply.value()
            var items = answer["items"].array
            while items.count < limit, let next = answer["next"].string {
                answer = try await client.send(request(limit - items.count, after: next)).value()
                items += answer["items"].array
            }
            if items.count > Self.page {
                let whole = JSONValue.object(["items": .array(items), "next": answer["next"]])
                reply.body = Data(whole.json.utf8)
            }
            return reply
        } text: {
            AdminText.audit($0)
        }
    }

    private func request(_ count: Int, after cursor: String?) -> AdminRequest {
        let query = [("limit", "\(min(count, Self.page))")] + (cursor.map { [("cursor", $0)] } ?? [])
        return AdminRequest(.get, "v1", "audit", query: query)
    }
}
