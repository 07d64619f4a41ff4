// swift-tools-version: 6.2
// Benchmarks, apart from the package so that nobody else builds them: Scripts/bench runs them. What they measure is linked
// into Sources/ (symbolic links to the package's own folders); each benchmark has one folder.
import PackageDescription

// As in the package itself.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "benchmarks",
    dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.101.2")],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        .systemLibrary(name: "CMalloc"),
        target("Noise"),
        target("NoiseSodium", ["CSodium", "Noise"]),
        target("SecureDatagram", ["Noise"]),
        target("CoAP"),
        target("ConformanceSite", ["CoAP"]),
        target("Measuring"),
        .systemLibrary(name: "CCBOR", pkgConfig: "libcbor"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        target("CBOR"),
        target("Links"),
        target("CompactMatrix", ["CBOR", "CoAP"]),
        target("DeviceClient", ["CBOR", "CoAP", "CompactMatrix", "Links", "Noise", "SecureDatagram"]),
        .target(
            name: "MatrixJSON", dependencies: ["CCBOR", "CZlib", "CoAP", "CompactMatrix"], exclude: ["Tables"],
            swiftSettings: settings),
        .executableTarget(
            name: "CodecBenchmark", dependencies: ["CCBOR", "MatrixJSON", "Measuring"], swiftSettings: settings),
        target("GatewayCore", ["CBOR", "CoAP", "CompactMatrix", "Links", "MatrixJSON", "Noise", "SecureDatagram"]),
        target("LinkModel", ["Links"]),
        target(
            "Simulation",
            [
                "CoAP", "CompactMatrix", "DeviceClient", "GatewayCore", "LinkModel", "Links", "MatrixJSON",
                "NoiseSodium", "SecureDatagram",
            ]),
        .executableTarget(
            name: "SimulatorBenchmark", dependencies: ["LinkModel", "Simulation"], swiftSettings: settings),
        .executableTarget(name: "Replay", dependencies: ["LinkModel", "Links", "Simulation"], swiftSettings: settings),
        .executableTarget(
            name: "ChannelBenchmark",
            dependencies: ["CMalloc", "CSodium", "Measuring", "Noise", "NoiseSodium", "SecureDatagram"],
            swiftSettings: settings),
        .target(name: "CDatagrams"),
        .executableTarget(
            name: "GatewayBenchmark",
            dependencies: [
                "CDatagrams", "CoAP", "CompactMatrix", "NoiseSodium", "SecureDatagram",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .executableTarget(name: "coap-load"),
        .executableTarget(name: "coap-memory", dependencies: ["CoAP", "ConformanceSite"]),
    ]
)
