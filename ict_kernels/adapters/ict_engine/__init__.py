"""The ICT Engine's own interfaces on top of compiled kernels.

Each module here keeps the class, method, field and enum names, signatures and defaults of one module of the
engine, so that only the import line changes. Detections are reproduced exactly, known defects included; those
are listed in each module's docstring. What the engine takes from its surroundings (clock, memory, logger)
enters as keyword-only arguments. Nothing is printed and no file is written.

Examples
--------
>>> from ict_kernels.adapters.ict_engine import MODULES
>>> "FairValueGapDetector" in MODULES["fair_value_gaps"]
True
"""

from __future__ import annotations

from ._frames import row_by_row
from ._install import InstallReport, Replacement, install, installed, original, uninstall

__all__ = [
    "MODULES",
    "ORIGINALS",
    "PLANNED",
    "InstallReport",
    "Replacement",
    "install",
    "installed",
    "original",
    "row_by_row",
    "uninstall",
]

ORIGINALS: dict[str, str] = {
    "fair_value_gaps": "smart_money_concepts.fair_value_gaps",
    "order_blocks": "smart_money_concepts.order_blocks",
    "smart_money_detector": "smart_money_concepts.smart_money_detector",
    "smart_money_analyzer": "smart_money_concepts.smart_money_analyzer",
    "institutional_flow_analyzer": "smart_money_concepts.institutional_flow_analyzer",
    "silver_bullet_enterprise": "ict_engine.advanced_patterns.silver_bullet_enterprise",
    "judas_swing_enterprise": "ict_engine.advanced_patterns.judas_swing_enterprise",
    "liquidity_grab_enterprise": "ict_engine.advanced_patterns.liquidity_grab_enterprise",
    "order_block_mitigation_enterprise": "ict_engine.advanced_patterns.order_block_mitigation_enterprise",
    "pattern_analyzer_enterprise": "ict_engine.advanced_patterns.pattern_analyzer_enterprise",
    "ict_pattern_detector": "ict_engine.pattern_detector",
    "ict_types": "ict_engine.ict_types",
    "fractal_analyzer_enterprise": "ict_engine.fractal_analyzer_enterprise",
    "displacement_detector_enterprise": "ict_engine.displacement_detector_enterprise",
    "simple_order_blocks": "ict_engine.patterns.simple_order_blocks",
    "hybrid_order_block_analyzer": "ict_engine.patterns.hybrid_order_block_analyzer",
    "order_blocks_integration": "ict_engine.patterns.order_blocks_integration",
    "pattern_detector": "analysis.pattern_detector",
    "market_structure_analyzer": "analysis.market_structure_analyzer",
    "market_structure_engine": "market_structure.engine",
    "premium_discount_analyzer": "analysis.premium_discount.premium_discount_analyzer",
    "pattern_confluence_engine": "analysis.pattern_confluence_engine",
    "poi_detector_adapted": "analysis.poi_detector_adapted",
    "poi_system": "analysis.poi_system",
    "fvg_memory_manager": "analysis.fvg_memory_manager",
}
"""The engine's module (below its folder ``01-CORE``) that each module here stands in for."""

MODULES: dict[str, tuple[str, ...]] = {
    "fair_value_gaps": (
        "FVGDirection",
        "FVGStatus",
        "FairValueGap",
        "FairValueGapColumns",
        "FairValueGapDetector",
        "MarketMemory",
    ),
    "order_blocks": (
        "EnhancedOrderBlock",
        "EnhancedOrderBlockDetector",
        "OrderBlockQuality",
        "OrderBlockType",
    ),
    "smart_money_detector": (
        "LiquidityType",
        "MarketStructure",
        "SmartMoneyDetector",
        "SmartMoneySignal",
        "SmartMoneySignalType",
    ),
    "smart_money_analyzer": (
        "InstitutionalFlow",
        "InstitutionalOrderFlow",
        "LiquidityPool",
        "LiquidityPoolType",
        "MarketMakerAnalysis",
        "MarketMakerBehavior",
        "OptimizedKillzone",
        "SmartMoneyAnalyzer",
        "SmartMoneySession",
    ),
    "institutional_flow_analyzer": (
        "ActiveKillzone",
        "InstitutionalFlowAnalyzer",
        "InstitutionalFlowResult",
        "KillzoneStatus",
    ),
    "silver_bullet_enterprise": (
        "KillzoneStatus",
        "SilverBulletDetectorEnterprise",
        "SilverBulletEnterprise",
        "SilverBulletSignal",
        "SilverBulletType",
        "TradingDirection",
    ),
    "judas_swing_enterprise": (
        "JudasSwingDetectorEnterprise",
        "JudasSwingEnterprise",
        "JudasSwingSignal",
        "JudasSwingStatus",
        "JudasSwingType",
        "TradingDirection",
    ),
    "liquidity_grab_enterprise": (
        "LiquidityGrabDetectorEnterprise",
        "LiquidityGrabEnterprise",
        "LiquidityGrabSignal",
        "LiquidityGrabStatus",
        "LiquidityGrabType",
        "LiquidityLevel",
        "TradingDirection",
    ),
    "order_block_mitigation_enterprise": (
        "OrderBlockMitigation",
        "OrderBlockMitigationDetectorEnterprise",
        "OrderBlockMitigationSignal",
        "OrderBlockStatus",
        "OrderBlockStrength",
        "OrderBlockType",
        "TradingDirection",
    ),
    "pattern_analyzer_enterprise": (
        "AnalysisResult",
        "ConfidenceLevel",
        "PatternAnalyzerEnterprise",
        "PatternSignal",
        "PatternType",
        "TradingDirection",
    ),
    "ict_pattern_detector": ("ICTPattern", "ICTPatternDetector", "PatternDetector"),
    "ict_types": (
        "FVGType",
        "FairValueGap",
        "ICTConfig",
        "ICTPattern",
        "ICTSignal",
        "LiquidityLevel",
        "LiquidityPool",
        "MarketPhase",
        "MarketStructureData",
        "OrderBlock",
        "OrderBlockType",
        "SessionType",
        "SmartMoneySignal",
        "SmartMoneyType",
        "StructureType",
        "TimeFrame",
        "TradingDirection",
    ),
    "fractal_analyzer_enterprise": (
        "CircuitBreaker",
        "FractalAnalyzerEnterprise",
        "FractalGradeEnterprise",
        "FractalLevelsEnterprise",
        "FractalRangeEnterprise",
        "FractalStatusEnterprise",
        "IntelligentCache",
        "ObjectPool",
        "PerformanceMetrics",
        "SwingPointEnterprise",
    ),
    "displacement_detector_enterprise": ("DisplacementDetectorEnterprise", "DisplacementSignal"),
    "simple_order_blocks": ("BasicOrderBlock", "SimpleOrderBlockDetector"),
    "hybrid_order_block_analyzer": ("HybridOrderBlockAnalyzer", "HybridOrderBlockResult"),
    "order_blocks_integration": ("OrderBlocksPatternDetector",),
    "pattern_detector": (
        "BreakoutType",
        "JudasSwingType",
        "PatternConfidence",
        "PatternDetector",
        "PatternSignal",
        "PatternType",
        "SessionType",
        "TradingDirection",
    ),
    "market_structure_analyzer": (
        "FVGType",
        "FairValueGap",
        "MarketStructureAnalyzer",
        "MarketStructureSignal",
        "OrderBlock",
        "OrderBlockType",
        "StructureType",
        "SwingPoint",
        "TradingDirection",
    ),
    "market_structure_engine": ("MarketStructureEngine", "MarketStructureResult"),
    "premium_discount_analyzer": ("PremiumDiscountAnalyzer",),
    "pattern_confluence_engine": (
        "ConfluenceAnalysis",
        "ConfluenceStrength",
        "MarketBias",
        "PatternConfluence",
        "PatternConfluenceEngine",
        "PatternType",
    ),
    "poi_detector_adapted": ("POIDetector",),
    "poi_system": ("POI", "POIDetector", "POISignificance", "POIStatus", "POISystem", "POIType"),
    "fvg_memory_manager": ("FVGMemoryManager",),
}
"""The classes that each module offers, by module name."""

PLANNED: dict[str, tuple[str, ...]] = {
    "intelligent_cache_engine": (
        "AnalysisContext",
        "AnalysisRequest",
        "AnalysisResult",
        "CachedAnalysis",
        "ConfluenceCacheStrategy",
        "ContextAwareCacheStrategy",
        "DataRequest",
        "IntelligentCacheEngine",
        "MarketContext",
        "PatternCacheStrategy",
        "PersistentStorageOptimizer",
        "SmartCachePreloader",
        "StructureCacheStrategy",
    ),
}
"""Likewise of modules that the engine planned and never built: there is nothing to install them over."""
