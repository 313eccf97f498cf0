import TollgateAdmin

/// The page `/`: what was spent, who spent it, and whether the sidecar is well.
struct OverviewPage: Sendable {
    let pages: PageServer

    var routes: [Route] { [pages.get("/", show)] }

    private func show(_ request: PageRequest) async throws -> PageReply {
        .page(Page("overview", title: "Overview", [:]))
    }
}
