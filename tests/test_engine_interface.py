"""The engine's interface, name by name: what its specification states, against what the adapters offer.

The tables below were written from the specification alone. In them a bare parameter or field is one whose
default is not stated, ``name=...`` one that has a default the specification does not give; a callable without
brackets is named without its parameters. Numbers in brackets are sections of the specification
(C: core detectors, S: smart-money detectors).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, time
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from ict_kernels.adapters import ict_engine
from ict_kernels.adapters.ict_engine import ORIGINALS

CALLS: dict[str, str] = {
    # S 2.2, S 2.6, S 2.7
    "fair_value_gaps": """
        FairValueGapDetector(config=None)
        FairValueGapDetector.detect_fair_value_gaps(candles, symbol, timeframe)
        FairValueGapDetector.update_fvg_mitigation(fvgs, current_candles)
        FairValueGapDetector.analyze_fvg_orderblock_confluence(fvgs, order_blocks)
        FairValueGapDetector.get_session_stats()
        get_fvg_detector()
    """,
    # S 3.2
    "order_blocks": """
        EnhancedOrderBlockDetector(config=None)
        EnhancedOrderBlockDetector.detect_enhanced_order_blocks(
            data, current_price, symbol="UNKNOWN", timeframe="UNKNOWN", additional_timeframes=None)
        EnhancedOrderBlockDetector.get_enhanced_stats()
        get_order_block_detector()
    """,
    # S 4.2, C 0.1
    "smart_money_detector": """
        SmartMoneyDetector(config=None)
        SmartMoneyDetector.detect_smart_money_signals(
            data, current_price, symbol="UNKNOWN", timeframe="UNKNOWN")
        SmartMoneyDetector.get_smart_money_stats()
        SmartMoneyDetector._detect_break_of_structure
    """,
    # S 5.2 to S 5.12
    "smart_money_analyzer": """
        SmartMoneyAnalyzer(logger=None)
        SmartMoneyAnalyzer.get_current_smart_money_session()
        SmartMoneyAnalyzer.detect_liquidity_pools(candles_h4, candles_h1, candles_m15, current_price)
        SmartMoneyAnalyzer._detect_equal_highs
        SmartMoneyAnalyzer._detect_equal_lows
        SmartMoneyAnalyzer._find_swing_highs(data, window=5)
        SmartMoneyAnalyzer._find_swing_lows(data, window=5)
        SmartMoneyAnalyzer._calculate_atr(data, period=14)
        SmartMoneyAnalyzer._get_round_number_levels(price)
        SmartMoneyAnalyzer._calculate_level_strength(data, level, type)
        SmartMoneyAnalyzer.detect_stop_hunts(
            data, lookback_periods=50, spike_threshold=0.0015, reversal_periods=5, volume_threshold=1.5)
        SmartMoneyAnalyzer.analyze_killzones(data, timezone="GMT", include_overlaps=True)
        SmartMoneyAnalyzer.find_breaker_blocks(data, lookback=20, min_structure_strength=0.6)
        SmartMoneyAnalyzer.detect_market_maker_behavior(
            candles_m15, candles_m5, liquidity_pools, current_session)
        SmartMoneyAnalyzer.analyze_institutional_order_flow
        SmartMoneyAnalyzer.optimize_killzones_dynamically(historical_data, recent_performance)
        SmartMoneyAnalyzer.analyze_smart_money_concepts(symbol, timeframes_data)
        SmartMoneyAnalyzer.enhance_pattern_with_smart_money(pattern, data)
        SmartMoneyAnalyzer.analyze_market_data(data)
        SmartMoneyAnalyzer.get_system_status()
        SmartMoneyAnalyzer.detect_fvg(symbol="EURUSD", timeframe="M15")
        SmartMoneyAnalyzer.find_order_blocks(symbol="EURUSD", timeframe="M15")
        create_smart_money_analyzer(symbol="EURUSD", logger=None)
        get_smart_money_analyzer_status(analyzer)
    """,
    # S 6
    "institutional_flow_analyzer": """
        InstitutionalFlowAnalyzer(logger=None)
        InstitutionalFlowAnalyzer.analyze_institutional_flow(market_data)
        InstitutionalFlowAnalyzer.get_active_killzone(current_time=None)
        InstitutionalFlowAnalyzer.detect_manipulation_patterns(market_data)
        InstitutionalFlowAnalyzer.get_flow_statistics()
        create_institutional_flow_analyzer(logger=None)
    """,
    # S 7, S 7.1
    "silver_bullet_enterprise": """
        SilverBulletDetectorEnterprise(memory_system=None, logger=None)
        SilverBulletDetectorEnterprise.detect_silver_bullet_patterns(
            data, symbol, timeframe, current_price=0.0, detected_order_blocks=None,
            market_structure_context=None)
        SilverBulletDetectorEnterprise.detect(data, symbol, timeframe, **kwargs)
        SilverBulletDetectorEnterprise.enhance_signal_with_quality(signal)
        SilverBulletDetectorEnterprise.filter_signals_by_quality(signals, min_quality=0.6)
        SilverBulletDetectorEnterprise.get_current_killzone()
        SilverBulletDetectorEnterprise._validate_killzone_timing_enterprise
    """,
    # S 7, S 7.2
    "judas_swing_enterprise": """
        JudasSwingDetectorEnterprise(memory_system=None, logger=None)
        JudasSwingDetectorEnterprise.detect_judas_swing_patterns(
            data, symbol, timeframe, current_price=0.0, detected_order_blocks=None,
            market_structure_context=None)
        JudasSwingDetectorEnterprise.detect(data, symbol, timeframe, **kwargs)
        JudasSwingDetectorEnterprise._validate_session_timing_enterprise
    """,
    # S 7, S 7.3
    "liquidity_grab_enterprise": """
        LiquidityGrabDetectorEnterprise(memory_system=None, logger=None)
        LiquidityGrabDetectorEnterprise.detect_liquidity_grab_patterns(
            data, symbol, timeframe, current_price=0.0, detected_order_blocks=None,
            market_structure_context=None)
        LiquidityGrabDetectorEnterprise.detect(data, symbol, timeframe, **kwargs)
    """,
    # S 7, S 7.5, C 0.1
    "order_block_mitigation_enterprise": """
        OrderBlockMitigationDetectorEnterprise(memory_system=None, logger=None)
        OrderBlockMitigationDetectorEnterprise.detect_order_block_mitigation_patterns(
            data, symbol, timeframe, current_price=0.0, detected_liquidity_grabs=None,
            market_structure_context=None)
        OrderBlockMitigationDetectorEnterprise._identify_breaker_blocks_enterprise
    """,
    # S 7.6
    "pattern_analyzer_enterprise": """
        PatternAnalyzerEnterprise(config=None)
        PatternAnalyzerEnterprise.analyze_patterns(symbol, timeframe, data, advanced_analysis=True)
        PatternAnalyzerEnterprise.get_pattern_history(symbol, timeframe, days=7)
        PatternAnalyzerEnterprise.get_performance_metrics()
        PatternSignal.to_dict()
        AnalysisResult.to_dict()
    """,
    # C 4
    "ict_pattern_detector": """
        ICTPatternDetector(config=None)
        ICTPatternDetector.detect_patterns(data, timeframe="M15")
        ICTPatternDetector.get_performance_stats()
        ICTPatternDetector._detect_bos_patterns
        ICTPatternDetector._detect_choch_patterns
        ICTPatternDetector._detect_fvg_patterns
        ICTPatternDetector._find_order_blocks(data)
        ICTPatternDetector._detect_silver_bullet(data, symbol, timeframe)
        ICTPatternDetector._detect_judas_swing
    """,
    # C 5
    "ict_types": """
        validate_ict_signal(signal)
        create_ict_narrative(signal)
    """,
    # C 9.1 to C 9.3
    "fractal_analyzer_enterprise": """
        FractalAnalyzerEnterprise(symbol="EURUSD", timeframe="M15")
        FractalAnalyzerEnterprise.detect_fractal_with_memory(df, current_price)
        FractalAnalyzerEnterprise.get_current_fractal_levels()
        FractalAnalyzerEnterprise.analyze_fractal_confluence(price_level, tolerance=0.0005)
        FractalAnalyzerEnterprise.get_performance_metrics()
        FractalAnalyzerEnterprise.export_telemetry()
        FractalAnalyzerEnterprise.telemetry_hook(emitter)
        FractalAnalyzerEnterprise._detect_significant_swings_enterprise(df)
        FractalRangeEnterprise.to_dict_enterprise()
        PerformanceMetrics
        CircuitBreaker
        IntelligentCache
        ObjectPool
        create_fractal_analyzer_enterprise(symbol, timeframe)
    """,
    # C 1, C 10.1, C 10.7, C 10.9
    "displacement_detector_enterprise": """
        DisplacementDetectorEnterprise()
        DisplacementDetectorEnterprise.detect_displacement(data, symbol="EURUSD", timeframe="M15")
        DisplacementDetectorEnterprise._detect_potential_gaps(window)
        DisplacementDetectorEnterprise._detect_structure_shift(window)
        DisplacementDetectorEnterprise._detect_equal_highs_lows
        create_displacement_detector_enterprise()
    """,
    # C 11.1
    "simple_order_blocks": """
        SimpleOrderBlockDetector(config=None)
        SimpleOrderBlockDetector.detect_basic_order_blocks(
            data, current_price, symbol="UNKNOWN", timeframe="UNKNOWN")
        SimpleOrderBlockDetector.get_nearest_blocks(blocks, current_price, limit=3)
        SimpleOrderBlockDetector.filter_high_confidence(blocks, min_confidence=75)
        SimpleOrderBlockDetector.get_performance_stats()
        SimpleOrderBlockDetector._save_organized_results
    """,
    # C 11.2
    "hybrid_order_block_analyzer": """
        HybridOrderBlockAnalyzer(config=None)
        HybridOrderBlockAnalyzer.analyze_order_blocks(data, current_price, symbol, timeframe)
        HybridOrderBlockAnalyzer.get_top_opportunities(results, limit=3)
        HybridOrderBlockAnalyzer.analyze_single_symbol(symbol, timeframe, data, current_price)
        HybridOrderBlockAnalyzer.get_performance_stats()
    """,
    # C 11.3
    "order_blocks_integration": """
        OrderBlocksPatternDetector(config=None)
        OrderBlocksPatternDetector.detect_patterns(data, symbol, timeframe, current_price=None)
        OrderBlocksPatternDetector.get_performance_stats()
        OrderBlocksPatternDetector.reset_stats()
        create_order_blocks_detector(config)
    """,
    # C 3.2 to C 3.14
    "pattern_detector": """
        PatternDetector(config=None)
        PatternDetector.detect_patterns(data=None, symbol="EURUSD", timeframe="M15", lookback_days=7)
        PatternDetector.detect_bos(market_data, structure_data=None)
        PatternDetector.detect_bos_multi_timeframe(symbol, timeframes=None, mode="auto")
        PatternDetector.detect_choch(symbol, timeframes=None, mode="auto")
        PatternDetector.get_detected_patterns()
        PatternDetector.get_performance_metrics()
        PatternDetector.get_pattern_summary()
        PatternDetector.get_multi_timeframe_data(symbol)
        PatternDetector.is_trading_ready()
        PatternDetector.require_trading_ready()
        PatternDetector._detect_swing_points_for_bos(candles, window=5)
        PatternDetector._detect_choch_single_tf(candles, symbol, timeframe, mode)
        PatternDetector._evaluate_multi_tf_alignment
        PatternDetector._find_order_blocks(data)
        PatternDetector._detect_order_blocks
        PatternDetector._find_fair_value_gaps(data)
        PatternDetector._detect_fair_value_gaps(data, symbol, timeframe, cache=None)
        PatternDetector._analyze_current_market_conditions(data, timeframe)
        PatternDetector._adapt_fvg_config_to_conditions
        PatternDetector._detect_recent_structure_break(data)
        PatternDetector._detect_liquidity_grab(data, symbol, timeframe, cache=None)
        PatternDetector._detect_false_breakout_v6(data)
        PatternDetector._detect_judas_swing
        PatternDetector._detect_optimal_trade_entry
        PatternDetector._detect_silver_bullet
        PatternDetector._detect_institutional_flow
        PatternDetector._get_current_session
        PatternDetector._enhance_with_smart_money_analysis
        get_pattern_detector(config)
        get_ict_trading_symbols()
        get_ict_critical_symbols()
        get_ict_critical_timeframes()
        get_analysis_ready_symbols(max_symbols=6)
    """,
    # C 6.2 to C 6.7
    "market_structure_analyzer": """
        MarketStructureAnalyzer(config=None)
        MarketStructureAnalyzer.analyze_market_structure(
            symbol, timeframe="M15", lookback_days=7, current_price=None)
        MarketStructureAnalyzer.get_current_structure_state()
        MarketStructureAnalyzer.get_performance_metrics()
        MarketStructureAnalyzer._detect_swing_points(candles)
        MarketStructureAnalyzer._detect_structure_change(candles, highs, lows, current_price)
        MarketStructureAnalyzer._analyze_momentum(candles, type)
        MarketStructureAnalyzer._analyze_volume_structure(candles)
        MarketStructureAnalyzer._analyze_multi_timeframe_confluence
        MarketStructureAnalyzer._detect_fair_value_gaps(candles)
        MarketStructureAnalyzer._detect_order_blocks(candles)
        get_market_structure_analyzer(config=None)
    """,
    # C 7
    "market_structure_engine": """
        MarketStructureEngine(enable_logging=True)
        MarketStructureEngine.detect_choch(candles)
        MarketStructureEngine.detect_bos(candles)
        MarketStructureEngine.identify_order_blocks(candles)
        MarketStructureEngine.detect_fair_value_gaps(candles)
        MarketStructureEngine.analyze_multi_timeframe(contexts)
        MarketStructureEngine.get_market_bias(choch, bos, obs)
        MarketStructureEngine.run_full_analysis(symbol, timeframe, candles, mtf_context=None)
        MarketStructureResult.to_dict()
    """,
    # C 8
    "premium_discount_analyzer": """
        PremiumDiscountAnalyzer(ml_model=None)
        PremiumDiscountAnalyzer.analyze_market_state(price_data)
        PremiumDiscountAnalyzer.is_discount_zone
        PremiumDiscountAnalyzer.is_premium_zone
        PremiumDiscountAnalyzer.get_equilibrium
    """,
    # S 8
    "pattern_confluence_engine": """
        PatternConfluenceEngine()
        PatternConfluenceEngine.analyze_confluence(candles, symbol, timeframe)
        PatternConfluenceEngine.get_session_stats()
        get_confluence_engine()
    """,
    # S 9
    "poi_detector_adapted": """
        crear_poi_estructura(poi_type, price, score, confidence, timeframe, **extra)
        detectar_order_blocks(df, timeframe="M15")
        detectar_fair_value_gaps(df, timeframe="M15")
        detectar_breaker_blocks(df, timeframe="M15")
        detectar_imbalances(df, timeframe="M15")
        detectar_todos_los_pois(df, timeframe="M15", current_price=None)
        POIDetector()
        POIDetector.find_all_pois(df, timeframe, current_price=None)
        POIDetector.find_dashboard_pois(df, timeframe, current_price, max_pois=5)
        POIDetector.get_poi_summary(pois)
        calcular_puntaje_poi(poi, mercado, config, df_m15=None)
        obtener_pois_superiores_cercanos(mercado, current_price, config=None)
        encontrar_poi_de_alta_probabilidad(mercado, current_price, config=None, df_m15=None)
        encontrar_pois_multiples_para_dashboard(mercado, current_price, max_pois=5)
        invalidar_pois_obsoletos(mercado, df_h4)
    """,
    # S 10
    "poi_system": """
        POISystem(config=None)
        POISystem._load_default_config()
        POISystem._get_market_data
        POISystem._detect_order_block_pois(data, symbol, timeframe)
        POISystem._detect_fvg_pois
        POISystem._detect_swing_point_pois
        POISystem._detect_session_level_pois
        POISystem._detect_liquidity_pool_pois
        POISystem._detect_fibonacci_pois
        POISystem._detect_psychological_level_pois
        POISystem.detect_pois(symbol="EURUSD", timeframe="M15", lookback_days=7)
        POISystem.detect_points_of_interest(data)
        POISystem.get_active_pois(poi_type=None)
        POISystem.get_pois_near_price(price, distance=0.0020)
        POISystem.get_poi_summary()
        POISystem.get_performance_metrics()
        POI.add_metadata
        POI.get_metadata
        get_poi_system(config=None)
    """,
    # S 11
    "fvg_memory_manager": """
        FVGMemoryManager(memory_path=None)
        FVGMemoryManager.add_fvg(symbol, timeframe, fvg_data)
        FVGMemoryManager.store_fvg(fvg_data, symbol, timeframe)
        FVGMemoryManager.update_fvg_status(fvg_id, new_status, fill_percentage=0.0)
        FVGMemoryManager.get_active_fvgs(symbol=None, timeframe=None)
        FVGMemoryManager.get_fvg_statistics(symbol=None, timeframe=None)
        FVGMemoryManager.cleanup_old_fvgs()
    """,
}
"""Constructors, methods and functions with their parameters, in order."""

FIELDS: dict[str, str] = {
    # S 2.1
    "fair_value_gaps": """
        FairValueGap(
            fvg_id, direction, high_price, low_price, gap_size, gap_pips, score, confidence, timestamp, symbol,
            timeframe, candle_index, status=FVGStatus.ACTIVE, fill_percentage=0.0, mitigation_timestamp=None,
            mitigation_speed_ms=None, h4_confluence=False, m15_alignment=False, m5_timing=False,
            institutional_classification=None, health_weighted_score=None, detection_latency_ms=0.0,
            narrative="", confluences=..., metadata=...)
    """,
    # S 3.1
    "order_blocks": """
        EnhancedOrderBlock(
            type, price, entry_price, stop_loss, take_profit, confidence, distance_pips, risk_reward,
            health_score=0.0, quality=OrderBlockQuality.MEDIUM, volume_profile=..., timeframe_validation=...,
            mitigation_zones=..., symbol="UNKNOWN", timeframe="UNKNOWN", timestamp=...,
            detection_latency_ms=..., data_reliability=1.0)
    """,
    # S 4.1
    "smart_money_detector": """
        SmartMoneySignal(
            signal_type, direction, confidence, strength, price_level, entry_price, stop_loss, take_profit,
            risk_reward, probability, health_score=0.0, quality_score=0.0, liquidity_context=...,
            market_structure=MarketStructure.RANGING, institutional_bias="neutral", symbol=..., timeframe=...,
            timestamp=..., detection_latency_ms=..., data_reliability=..., order_block_confluence=False,
            volume_confluence=False, time_confluence=False)
    """,
    # S 5.1
    "smart_money_analyzer": """
        LiquidityPool(
            pool_type, price_level, strength, timestamp, touches, volume_evidence, institutional_interest,
            session_origin, timeframe_origin, expected_reaction, invalidation_price, metadata={})
        InstitutionalOrderFlow(
            flow_direction, strength, volume_profile, order_block_activity, liquidity_interactions,
            smart_money_signature, session_context, timeframe_analysis, confidence, timestamp,
            supporting_evidence, metadata)
        MarketMakerAnalysis(
            behavior_type, manipulation_evidence, target_liquidity, execution_timeframe, expected_outcome,
            probability, session_timing, volume_anomalies, price_action_signatures,
            institutional_footprint=0.0, timestamp=...)
        OptimizedKillzone(
            session, start_time, end_time, peak_activity_time, efficiency_score, historical_success_rate,
            volume_profile, liquidity_events, institutional_activity_level, recommended_strategies,
            dynamic_adjustments)
    """,
    # S 6
    "institutional_flow_analyzer": """
        InstitutionalFlowResult(
            direction, strength, confidence, manipulation_score, volume_profile, liquidity_levels, timestamp,
            session_context)
        ActiveKillzone(
            active_zone, status, start_time, end_time, peak_time, time_remaining, session_strength,
            optimal_trading_window, next_zone, time_until_next)
    """,
    # S 7.1, with the fields of S 7 before its own name for the last of them
    "silver_bullet_enterprise": """
        SilverBulletSignal(
            signal_type, confidence, direction, entry_price, entry_zone, stop_loss, take_profit_1,
            take_profit_2, structure_confluence, killzone_timing, order_block_present, timeframe_alignment,
            memory_confirmation, institutional_bias, narrative, timestamp, session_context, symbol, timeframe,
            choch_confidence_bonus=..., similar_choch_count=..., historical_success_rate=...,
            choch_target_hint=None, status="ACTIVE", expiry_time=..., analysis_id=...)
    """,
    # S 7.2, the four fields of S 7
    "judas_swing_enterprise": """
        JudasSwingSignal(
            signal_type, confidence, direction, fake_breakout_price, swing_high, swing_low,
            reversal_confirmation_price, entry_price, entry_zone, stop_loss, take_profit_1, take_profit_2,
            session_timing_score, swing_identification_score, fake_breakout_strength,
            reversal_confirmation_score, volume_spike_detected, poi_confluence, narrative, timestamp,
            session_context, symbol, timeframe, choch_confidence_bonus, similar_choch_count,
            historical_success_rate, choch_level_estimate, status, expiry_time, analysis_id)
    """,
    # S 7.3
    "liquidity_grab_enterprise": """
        LiquidityGrabSignal(
            signal_type, confidence, direction, liquidity_level, grab_price, reversal_confirmation_price,
            stops_hunted_estimate, entry_price, entry_zone, stop_loss, take_profit_1, take_profit_2,
            stop_hunt_strength, reversal_speed_score, volume_spike_intensity, institutional_footprint_score,
            liquidity_density, smart_money_confirmation, narrative, timestamp, session_context, symbol,
            timeframe, choch_confidence_bonus, similar_choch_count, historical_success_rate,
            choch_level_estimate, status, expiry_time, analysis_id)
    """,
    # S 7.5
    "order_block_mitigation_enterprise": """
        OrderBlockMitigationSignal(
            signal_type, confidence, direction, strength, mitigation_level, origin_price, current_price,
            block_high, block_low, block_size_pips, mitigation_percentage, volume_confirmation,
            institutional_validation, entry_price, entry_zone, stop_loss, take_profit_1, take_profit_2,
            time_to_mitigation, approach_strength, rejection_strength, smart_money_confirmation,
            fair_value_gap_present, breaker_block_confirmed, narrative, timestamp, session_context, symbol,
            timeframe, choch_confidence_bonus, similar_choch_count, historical_success_rate,
            choch_level_estimate, status, expiry_time, analysis_id)
        OrderBlockMitigation
    """,
    # S 7.6
    "pattern_analyzer_enterprise": """
        PatternSignal(
            pattern_type, signal_type, timestamp, symbol, timeframe, confidence, entry_price, stop_loss,
            take_profit, confluence_score=0, risk_reward_ratio=0, pattern_strength="MEDIUM",
            market_condition="NORMAL", pattern_metadata={})
        AnalysisResult(
            primary_signal, secondary_signals, confluence_signals, conflict_analysis, market_sentiment,
            overall_confidence, recommended_action, risk_assessment)
    """,
    # C 4.1
    "ict_pattern_detector": """
        ICTPattern(
            pattern_type, timeframe, symbol, entry_price, confidence, timestamp, metadata, choch_context=None,
            choch_confidence_boost=0.0, historical_success_rate=0.0)
    """,
    # C 5
    "ict_types": """
        ICTSignal(
            pattern_type, direction, confidence, entry_price, stop_loss, take_profit, risk_reward_ratio,
            timestamp, timeframe, session, market_phase, narrative, confluence_factors=[],
            smart_money_confluence=False, structure_confluence=False, metadata={})
        SmartMoneySignal(
            smart_money_type, direction, confidence, liquidity_level, entry_price, target_price,
            invalidation_price, timestamp, timeframe, volume_confirmation, institutional_footprint, narrative,
            confluence_score=0.0, metadata={})
        MarketStructureData(
            structure_type, break_level, confirmation_level, target_level, timestamp, timeframe, confidence,
            swing_high=None, swing_low=None, previous_structure=None, narrative="", metadata={})
        FairValueGap(
            fvg_type, high_price, low_price, gap_size, origin_candle_index, filled_percentage, is_mitigated,
            mitigation_candle_index, timestamp, timeframe, narrative, confluence_with_structure=False,
            confluence_with_orderblock=False, metadata={})
        OrderBlock(
            ob_type, high_price, low_price, origin_candle_index, reaction_strength, test_count, is_tested,
            is_broken, timestamp, timeframe, volume_profile=None, institutional_signature=False, narrative="",
            metadata={})
        LiquidityPool(
            price_level, liquidity_amount, liquidity_level, pool_type, timestamp, timeframe, is_swept=False,
            sweep_timestamp=None, accumulation_period=0, narrative="", metadata={})
    """,
    # C 9.1
    "fractal_analyzer_enterprise": """
        SwingPointEnterprise(
            price, timestamp, index, swing_type, strength, confidence, confirmed=False, tests=0,
            memory_enhanced=False, institutional_classification="RETAIL", multi_timeframe_validation=False)
        FractalRangeEnterprise(
            high, low, eq, high_timestamp, low_timestamp, status, confidence, grade, age_minutes, tests=0,
            valid=False, memory_enhanced=False, institutional_level=False, session_id="", range_size_pips=0.0,
            volume_confirmation=0.0, multi_timeframe_strength=0.0, liquidity_level="UNKNOWN")
    """,
    # C 10.1
    "displacement_detector_enterprise": """
        DisplacementSignal(
            displacement_type, start_price, end_price, displacement_pips, timeframe_detected, timestamp,
            momentum_score, institutional_signature, target_estimation, confluence_factors,
            memory_enhanced=False, historical_success_rate=0.0, session_optimization="", sic_stats={},
            sluc_integration=False, liquidity_cleared=0.0, order_flow_imbalance=0.0,
            relative_equal_highs_lows=False, fair_value_gap_created=False, market_structure_shift=False,
            ml_score=0.0, ml_confidence=0.0)
    """,
    # C 11.1
    "simple_order_blocks": """
        BasicOrderBlock(
            type, price, confidence, distance_pips, candle_index, volume_confirmation, timestamp, symbol,
            timeframe, entry_price, stop_loss, take_profit, risk_reward)
    """,
    # C 11.2
    "hybrid_order_block_analyzer": """
        HybridOrderBlockResult(
            basic_block, enterprise_result=None, enterprise_validated=False, detection_time_ms=...,
            validation_time_ms=None, hybrid_confidence=..., recommendation=..., optimized_entry=None,
            optimized_stop=None, optimized_target=None)
    """,
    # C 3.1
    "pattern_detector": """
        PatternSignal(
            pattern_type, direction, confidence, strength, timestamp, symbol, timeframe, entry_zone,
            stop_loss, take_profit_1, take_profit_2=None, risk_reward_ratio=0.0, probability=0.0,
            session=SessionType.LONDON, narrative="", confluences=[], invalidation_criteria="",
            optimal_entry_time=None, time_sensitivity="MEDIUM", max_hold_time=None, analysis_id="",
            raw_data={})
    """,
    # C 6.1
    "market_structure_analyzer": """
        SwingPoint(index, price, timestamp, point_type, strength=0.0, confirmed=False)
        FairValueGap(
            fvg_type, high_price, low_price, origin_candle, filled_percentage, is_mitigated,
            mitigation_candle, narrative, timestamp)
        OrderBlock(
            ob_type, high_price, low_price, origin_candle, reaction_strength, is_tested, test_count,
            narrative, timestamp)
        MarketStructureSignal(
            structure_type, confidence, direction, break_level, target_level, narrative, timestamp, timeframe,
            confluence_score, fvg_present, order_block_present, swing_highs, swing_lows, sic_stats)
    """,
    # C 7
    "market_structure_engine": """
        MarketStructureResult(
            symbol, timeframe, timestamp, choch_events, bos_events, order_blocks, fvg_zones,
            multi_timeframe_context, market_bias, meta)
    """,
    # S 8
    "pattern_confluence_engine": """
        PatternConfluence(
            pattern_type, pattern_id, confidence, strength, direction, price_level, timeframe, timestamp,
            metadata)
        ConfluenceAnalysis(
            confluence_id, overall_strength, strength_level, market_bias, dominant_patterns,
            supporting_patterns, conflicting_patterns, pattern_confluences, decision_confidence,
            recommended_action, price_target, stop_loss, risk_reward_ratio, analysis_timestamp,
            processing_time_ms, metadata)
    """,
    # S 10.1
    "poi_system": """
        POI(
            poi_type, price_level, price_zone, timestamp, symbol, timeframe,
            significance=POISignificance.MEDIUM, status=POIStatus.ACTIVE, strength=70.0, session_context=...,
            market_structure=..., confluences=..., created_at=..., last_tested=..., expiry_time=...,
            test_count=0, max_tests=3, reaction_strength=0, hold_time=..., success_rate=0, analysis_id=...,
            notes=..., related_pois=..., metadata=...)
    """,
}
"""Fields of the dataclasses, in order."""

DEFAULTLESS = {
    ("fair_value_gaps", "FairValueGap"),
    ("pattern_detector", "PatternSignal"),
    ("ict_pattern_detector", "ICTPattern"),
    ("ict_types", "ICTSignal"),
    ("ict_types", "SmartMoneySignal"),
    ("ict_types", "MarketStructureData"),
    ("ict_types", "FairValueGap"),
    ("ict_types", "OrderBlock"),
    ("ict_types", "LiquidityPool"),
    ("fractal_analyzer_enterprise", "SwingPointEnterprise"),
    ("fractal_analyzer_enterprise", "FractalRangeEnterprise"),
    ("displacement_detector_enterprise", "DisplacementSignal"),
}
"""Dataclasses whose every default is stated, so that a bare field has none (S 2.1, C 3.1, 4.1, 5, 9, 10)."""


def _same(names: str) -> dict[str, Any]:
    return {name: name for name in names.split()}


def _lower(names: str) -> dict[str, Any]:
    return {name: name.lower() for name in names.split()}


def _named(names: str) -> dict[str, Any]:
    """Members whose values are not stated."""
    return dict.fromkeys(names.split())


ENUMS: dict[str, dict[str, dict[str, Any]]] = {
    "fair_value_gaps": {
        "FVGDirection": _same("BULLISH BEARISH"),
        "FVGStatus": _same("ACTIVE PARTIAL_MITIGATION FULLY_MITIGATED EXPIRED"),
    },
    "order_blocks": {
        "OrderBlockType": _lower("DEMAND_ZONE SUPPLY_ZONE MITIGATION_BLOCK BREAKER_BLOCK"),
        "OrderBlockQuality": _lower("PREMIUM HIGH MEDIUM LOW"),
    },
    "smart_money_detector": {
        "SmartMoneySignalType": {
            "BOS": "break_of_structure",
            "CHOCH": "change_of_character",
            **_lower("LIQUIDITY_SWEEP INDUCEMENT MANIPULATION INSTITUTIONAL_FLOW"),
        },
        "MarketStructure": _lower("BULLISH BEARISH RANGING TRANSITION"),
        "LiquidityType": {
            "BUY_SIDE": "buy_side_liquidity",
            "SELL_SIDE": "sell_side_liquidity",
            **_lower("EQUAL_HIGHS EQUAL_LOWS"),
        },
    },
    "smart_money_analyzer": {
        "SmartMoneySession": _lower(
            "ASIAN_KILLZONE LONDON_KILLZONE NEW_YORK_KILLZONE OVERLAP_LONDON_NY POWER_HOUR INACTIVE_SESSION"
        ),
        "LiquidityPoolType": _lower(
            "EQUAL_HIGHS EQUAL_LOWS RELATIVE_EQUAL_HIGHS RELATIVE_EQUAL_LOWS OLD_HIGH OLD_LOW DAILY_HIGH DAILY_LOW "
            "WEEKLY_HIGH WEEKLY_LOW"
        ),
        "InstitutionalFlow": _lower("ACCUMULATION DISTRIBUTION MANIPULATION MARKUP MARKDOWN NEUTRAL"),
        "MarketMakerBehavior": _lower(
            "LIQUIDITY_HUNT STOP_HUNT FAKE_BREAKOUT ACCUMULATION_PHASE DISTRIBUTION_PHASE NORMAL_TRADING"
        ),
    },
    "institutional_flow_analyzer": {"KillzoneStatus": _lower("ACTIVE APPROACHING INACTIVE PEAK")},
    "silver_bullet_enterprise": {
        "TradingDirection": {"BUY": "buy", "SELL": "sell", **_named("BULLISH BEARISH NEUTRAL")},
        "SilverBulletType": {
            "LONDON_KILL": "london_killzone",
            "NY_KILL": "newyork_killzone",
            "LONDON_CLOSE": "london_close",
            "ASIAN_KILL": "asian_killzone",
        },
        "KillzoneStatus": _named("ACTIVE APPROACHING ENDED OUTSIDE"),
    },
    "judas_swing_enterprise": {
        "TradingDirection": {"BUY": "buy", "SELL": "sell", **_named("BULLISH BEARISH NEUTRAL")},
        "JudasSwingType": {
            "LONDON_JUDAS": "london_judas",
            "NY_JUDAS": "newyork_judas",
            "ASIAN_JUDAS": "asian_judas",
            "FRANKFURT_JUDAS": "frankfurt_judas",
        },
        "JudasSwingStatus": _named("SETUP_FORMING FAKE_BREAKOUT REVERSAL_CONFIRMED INVALIDATED COMPLETED"),
    },
    "liquidity_grab_enterprise": {
        "TradingDirection": {"BUY": "buy", "SELL": "sell", **_named("BULLISH BEARISH NEUTRAL")},
        "LiquidityGrabType": _lower(
            "ASIAN_RANGE_GRAB LONDON_BREAKOUT_GRAB NY_LIQUIDITY_SWEEP WEEKLY_HIGH_GRAB DAILY_LOW_GRAB "
            "LIQUIDITY_VOID_FILL"
        ),
        "LiquidityGrabStatus": _lower(
            "SETUP_BUILDING STOPS_HUNTED REVERSAL_ACTIVE PROFIT_TAKING INVALIDATED COMPLETED"
        ),
        "LiquidityLevel": _lower("HIGH_LIQUIDITY MEDIUM_LIQUIDITY LOW_LIQUIDITY INSTITUTIONAL"),
    },
    "order_block_mitigation_enterprise": {
        "TradingDirection": {"BUY": "buy", "SELL": "sell", **_named("BULLISH BEARISH NEUTRAL")},
        "OrderBlockType": _named(
            "BREAKER_BLOCK DEMAND_ZONE SUPPLY_ZONE FAIR_VALUE_GAP BALANCED_PRICE_RANGE MITIGATION_BLOCK "
            "INSTITUTIONAL_ORDER_FLOW"
        ),
        "OrderBlockStatus": _named(
            "ACTIVE PARTIALLY_MITIGATED FULLY_MITIGATED INVALIDATED REACTIVATED EXPIRED"
        ),
        "OrderBlockStrength": _named("WEAK MODERATE STRONG INSTITUTIONAL PREMIUM"),
    },
    "pattern_analyzer_enterprise": {
        "TradingDirection": _named("BUY SELL"),
        "PatternType": _named("SILVER_BULLET JUDAS_SWING LIQUIDITY_GRAB ORDER_BLOCK_MITIGATION"),
        "ConfidenceLevel": _named("LOW MEDIUM HIGH EXTREME"),
    },
    "ict_types": {
        "ICTPattern": _lower(
            "JUDAS_SWING OPTIMAL_TRADE_ENTRY LIQUIDITY_GRAB SILVER_BULLET POWER_OF_THREE FAIR_VALUE_GAP ORDER_BLOCK "
            "BREAK_OF_STRUCTURE CHANGE_OF_CHARACTER INSTITUTIONAL_ORDER_FLOW SMART_MONEY_REVERSAL "
            "LIQUIDITY_POOL_TARGETING STOP_HUNT_PATTERN INDUCEMENT_MOVE MORNING_REVERSAL LONDON_CLOSE_REVERSAL "
            "NEW_YORK_BREAKOUT"
        ),
        "MarketPhase": _lower("ACCUMULATION MANIPULATION DISTRIBUTION REBALANCE EXPANSION CONSOLIDATION"),
        "TradingDirection": {
            **_lower("BULLISH BEARISH NEUTRAL UNKNOWN"),
            "BUY": "bullish",
            "SELL": "bearish",
        },
        "SessionType": _lower("ASIAN LONDON NEW_YORK LONDON_CLOSE OVERLAP"),
        "TimeFrame": _same("M1 M5 M15 M30 H1 H4 D1 W1 MN1"),
        "LiquidityLevel": _lower("HIGH MEDIUM LOW DEPLETED"),
        "StructureType": _lower(
            "CHOCH_BULLISH CHOCH_BEARISH BOS_BULLISH BOS_BEARISH RANGE_BOUND TRENDING_UP TRENDING_DOWN CONSOLIDATION"
        ),
        "FVGType": _lower("BULLISH_FVG BEARISH_FVG BALANCED_FVG PREMIUM_FVG DISCOUNT_FVG"),
        "OrderBlockType": _lower("BULLISH_OB BEARISH_OB BREAKER_BLOCK MITIGATION_BLOCK"),
    },
    "fractal_analyzer_enterprise": {
        "FractalStatusEnterprise": _named(
            "UNINITIALIZED CALCULATING CALCULATED VALIDATED ACTIVE EXPIRED INVALIDATED MEMORY_ENHANCED"
        ),
    },
    "pattern_detector": {
        "PatternType": _lower(
            "SILVER_BULLET JUDAS_SWING LIQUIDITY_GRAB OPTIMAL_TRADE_ENTRY POWER_OF_THREE MORNING_REVERSAL "
            "ORDER_BLOCK MITIGATION_BLOCK FAIR_VALUE_GAP"
        ),
        "TradingDirection": _lower("BUY SELL NEUTRAL"),
        "PatternConfidence": _named("LOW MEDIUM HIGH VERY_HIGH EXTREME"),
        "SessionType": {
            **_named("LONDON"),
            "NEW_YORK": "new_york",
            **_named("ASIAN OVERLAP DEAD_ZONE"),
        },
        "JudasSwingType": _named("MORNING_REVERSAL LONDON_CLOSE_JUDAS NY_OPEN_JUDAS AFTERNOON_JUDAS UNKNOWN"),
        "BreakoutType": _lower(
            "FALSE_BREAKOUT_HIGH FALSE_BREAKOUT_LOW LIQUIDITY_GRAB_HIGH LIQUIDITY_GRAB_LOW NO_BREAKOUT "
            "BREAKER_BLOCK FAIR_VALUE_GAP INSTITUTIONAL_ORDER_FLOW MARKET_MAKER_MODEL"
        ),
    },
    "market_structure_analyzer": {
        "StructureType": _lower(
            "CHOCH_BULLISH CHOCH_BEARISH BOS_BULLISH BOS_BEARISH RANGE_BOUND CONSOLIDATION"
        ),
        "FVGType": _lower("BULLISH_FVG BEARISH_FVG BALANCED_FVG PREMIUM_FVG DISCOUNT_FVG"),
        "OrderBlockType": _lower("BULLISH_OB BEARISH_OB BREAKER_BLOCK MITIGATION_BLOCK"),
        "TradingDirection": _same("BUY SELL NEUTRAL"),
    },
    "pattern_confluence_engine": {
        "ConfluenceStrength": _named("WEAK MODERATE STRONG EXTREME"),
        "PatternType": {
            "FVG": "FAIR_VALUE_GAP",
            **_named("ORDER_BLOCK SMART_MONEY LIQUIDITY_SWEEP BOS_CHOCH"),
        },
        "MarketBias": _named("BULLISH BEARISH NEUTRAL CONFLICTED"),
    },
    "poi_system": {
        "POIType": _lower(
            "ORDER_BLOCK MITIGATION_BLOCK BREAKER_BLOCK FAIR_VALUE_GAP LIQUIDITY_POOL SWING_HIGH SWING_LOW "
            "SESSION_HIGH SESSION_LOW DAILY_HIGH DAILY_LOW WEEKLY_HIGH WEEKLY_LOW FIBONACCI_LEVEL "
            "PSYCHOLOGICAL_LEVEL INSTITUTIONAL_LEVEL KILLZONE_LEVEL"
        ),
        "POIStatus": _named("ACTIVE TESTED PARTIALLY_MITIGATED FULLY_MITIGATED INVALIDATED EXPIRED"),
        "POISignificance": _named("LOW MEDIUM HIGH CRITICAL INSTITUTIONAL"),
    },
}
"""Members and values of the enums, in order, aliases included (None: the value is not stated)."""

CONFIGS: dict[tuple[str, str], dict[str, Any]] = {
    # S 2.2
    ("fair_value_gaps", "FairValueGapDetector"): {
        "min_gap_size_pips": 3.0,
        "base_score": 55,
        "max_gap_bonus": 25,
        "base_confidence": 0.4,
        "confidence_multiplier": 0.05,
        "max_confidence": 0.9,
        "fvg_lifetime_hours": 24,
        "enterprise_latency_target": 50.0,
        "max_symbols_concurrent": 20,
        "symbol_memory_cleanup_hours": 48,
        "max_historical_fvgs": 200,
    },
    # S 3.2
    ("order_blocks", "EnhancedOrderBlockDetector"): {
        "lookback_period": 25,
        "max_distance_pips": 50,
        "min_confidence": 70,
        "volume_threshold": 1.5,
        "health_weight": 0.3,
        "enable_mtf_validation": True,
        "enable_volume_profile": True,
        "enable_mitigation_analysis": True,
        "max_detection_latency_ms": 500,
        "min_data_reliability": 0.7,
    },
    # S 4.2
    ("smart_money_detector", "SmartMoneyDetector"): {
        "lookback_period": 30,
        "min_confidence": 70,
        "min_strength": 60,
        "liquidity_threshold": 0.8,
        "bos_validation_period": 5,
        "choch_confirmation_period": 3,
        "enable_manipulation_detection": True,
        "health_weight": 0.4,
        "min_health_score": 0.6,
        "max_detection_latency_ms": 300,
        "enable_order_block_confluence": True,
    },
    # S 7.1
    ("silver_bullet_enterprise", "SilverBulletDetectorEnterprise"): {
        "min_confidence": 75,
        "structure_weight": 0.25,
        "timing_weight": 0.35,
        "confluence_weight": 0.25,
        "memory_weight": 0.15,
        "mtf_lookback": 20,
        "max_order_block_age_hours": 24,
        "min_displacement_strength": 0.6,
        "min_quality_score": 0.6,
        "enable_quality_filtering": True,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 10,
        "choch_level_lookback": 20,
    },
    # S 7.2
    ("judas_swing_enterprise", "JudasSwingDetectorEnterprise"): {
        "min_confidence": 70,
        "swing_lookback_periods": 20,
        "fake_breakout_min_pips": 5,
        "fake_breakout_max_pips": 25,
        "reversal_confirmation_pips": 10,
        "session_timing_weight": 0.30,
        "swing_quality_weight": 0.25,
        "fake_breakout_weight": 0.25,
        "reversal_weight": 0.20,
        "volume_spike_threshold": 1.5,
        "poi_confluence_bonus": 0.15,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 9,
        "choch_level_lookback": 20,
    },
    # S 7.3
    ("liquidity_grab_enterprise", "LiquidityGrabDetectorEnterprise"): {
        "min_confidence": 72,
        "stop_hunt_min_pips": 3,
        "stop_hunt_max_pips": 15,
        "reversal_confirmation_pips": 8,
        "quick_reversal_timeframe": 3,
        "volume_spike_threshold": 1.8,
        "institutional_threshold": 0.75,
        "liquidity_density_periods": 30,
        "smart_money_bonus": 0.12,
        "session_timing_bonus": 0.08,
        "multiple_timeframe_bonus": 0.10,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 10,
        "choch_level_lookback": 20,
    },
    # S 7.5
    ("order_block_mitigation_enterprise", "OrderBlockMitigationDetectorEnterprise"): {
        "min_confidence": 70,
        "min_block_size_pips": 5,
        "max_block_size_pips": 50,
        "mitigation_threshold": 0.5,
        "full_mitigation_threshold": 0.8,
        "max_time_to_mitigation": 50,
        "volume_spike_threshold": 1.5,
        "institutional_threshold": 0.7,
        "smart_money_bonus": 0.15,
        "fair_value_gap_bonus": 0.10,
        "breaker_block_bonus": 0.12,
        "session_timing_bonus": 0.08,
        "use_choch_memory": True,
        "choch_confidence_max_bonus": 8,
        "choch_level_lookback": 20,
    },
    # S 7.6
    ("pattern_analyzer_enterprise", "PatternAnalyzerEnterprise"): {
        "min_confidence": 65,
        "confluence_threshold": 75,
        "conflict_resolution": "highest_confidence",
        "pattern_priorities": ...,
        "risk_filters": {"max_risk_per_trade": 2.0, "min_risk_reward": 1.5, "max_drawdown_limit": 5.0},
        "performance_config": ...,
    },
    # C 4.1
    ("ict_pattern_detector", "ICTPatternDetector"): {
        "allow_fvg_placeholder_for_tests": False,
        "enable_fvg_memory_persistence": False,
    },
    # C 11.1
    ("simple_order_blocks", "SimpleOrderBlockDetector"): {
        "lookback_period": 20,
        "max_distance_pips": 30,
        "min_confidence": 72,
        "volume_threshold": 1.2,
        "max_confidence": 90,
        "base_confidence": 40,
        "wick_confidence_multiplier": 20,
        "volume_confidence_bonus": 10,
        "distance_penalty_threshold": 20,
        "demand_entry_offset": 0.25,
        "supply_entry_offset": 0.25,
        "demand_stop_offset": 0.1,
        "supply_stop_offset": 0.1,
        "risk_reward_ratio": 2.0,
    },
    # C 11.2
    ("hybrid_order_block_analyzer", "HybridOrderBlockAnalyzer"): {
        "simple_config": {},
        "enterprise_threshold": 70,
        "max_enterprise_validations": 3,
        "parallel_validation": True,
        "basic_weight": 0.3,
        "enterprise_weight": 0.7,
        "max_confidence": 98,
        "recommendation_thresholds": ...,
        "basic_recommendation_thresholds": ...,
    },
    # C 3.2
    ("pattern_detector", "PatternDetector"): {
        "enable_debug": True,
        "enable_cache": True,
        "min_confidence": 75.0,
        "max_patterns_per_analysis": 5,
        "enable_silver_bullet": True,
        "enable_judas_swing": True,
        "enable_liquidity_grab": True,
        "enable_optimal_trade_entry": True,
        "enable_power_of_three": True,
        "enable_morning_reversal": True,
        "primary_timeframe": "M15",
        "secondary_timeframes": ["M5", "H1"],
        "use_multi_timeframe": True,
        "swing_lookback": 20,
        "structure_lookback": 50,
        "fvg_min_size": 0.0005,
        "order_block_strength": 0.6,
        "max_analysis_time": 0.05,
        "cache_size_limit": 100,
        "concurrent_analysis": False,
    },
    # C 6.2
    ("market_structure_analyzer", "MarketStructureAnalyzer"): {
        "min_confidence": 55.0,
        "structure_lookback": 50,
        "swing_window": 5,
        "fvg_min_gap": 0.0003,
        "ob_reaction_threshold": 0.001,
        "structure_weight": 0.60,
        "momentum_weight": 0.15,
        "volume_weight": 0.15,
        "confluence_weight": 0.10,
        "enable_debug": True,
        "use_multi_timeframe": True,
        "enable_cache": True,
    },
    # S 10.1
    ("poi_system", "POISystem"): {
        "max_active_pois": 50,
        "min_poi_strength": 60.0,
        "enable_order_blocks": True,
        "enable_fair_value_gaps": True,
        "enable_liquidity_pools": True,
        "enable_swing_points": True,
        "enable_session_levels": True,
        "enable_fibonacci_levels": True,
        "enable_psychological_levels": True,
        "default_poi_lifetime": 48,
        "order_block_lifetime": 72,
        "fvg_lifetime": 24,
        "swing_point_lifetime": 168,
        "session_level_lifetime": 24,
        "mitigation_threshold": 0.5,
        "test_invalidation_count": 3,
        "proximity_threshold": 0.0010,
        "confluence_weight": 0.3,
        "recency_weight": 0.2,
        "strength_weight": 0.3,
        "context_weight": 0.2,
        "poi_cleanup_interval": 3600,
        "max_analysis_time": 0.1,
        "enable_debug": ...,
        "enable_cache": ...,
        "batch_processing": True,
    },
    # S 11
    ("fvg_memory_manager", "FVGMemoryManager"): {
        "max_fvgs_per_symbol": 500,
        "max_age_days": 30,
        "cleanup_frequency_hours": 24,
        "min_gap_size_pips": ...,
        "fill_tolerance_pips": ...,
    },
}
"""What ``config`` holds on an object made without arguments (...: set, the value not stated or clock-bound)."""

ATTRIBUTES: dict[tuple[str, str], dict[str, Any]] = {
    # S 5.2
    ("smart_money_analyzer", "SmartMoneyAnalyzer"): {
        "killzones": ...,
        "unified_memory": ...,
        "detected_liquidity_pools": ...,
        "market_maker_activities": ...,
        "institutional_flows": ...,
        "liquidity_detection_config": {
            "equal_highs_tolerance": 0.0005,
            "equal_lows_tolerance": 0.0005,
            "relative_equal_tolerance": 0.0010,
            "minimum_touches": 2,
            "volume_confirmation_threshold": 1.2,
            "institutional_interest_threshold": 0.6,
        },
        "institutional_config": {
            "order_block_weight": 0.35,
            "volume_analysis_weight": 0.25,
            "liquidity_interaction_weight": 0.25,
            "session_timing_weight": 0.15,
            "minimum_confidence": 0.70,
        },
        "market_maker_config": {
            "manipulation_detection_sensitivity": 0.75,
            "stop_hunt_threshold": 0.0020,
            "fake_breakout_reversion_time": 5,
            "volume_anomaly_threshold": 1.5,
        },
    },
    # S 2.5
    ("fair_value_gaps", "FairValueGapDetector"): {
        "detected_fvgs": ...,
        "session_stats": ...,
        "detection_count": 0,
    },
    # S 4.3
    ("smart_money_detector", "SmartMoneyDetector"): {"structure_highs": ..., "structure_lows": ...},
    # S 7.1
    ("silver_bullet_enterprise", "SilverBulletDetectorEnterprise"): {"killzones": ...},
    # S 7.2
    ("judas_swing_enterprise", "JudasSwingDetectorEnterprise"): {"session_windows": ...},
    # C 4.1
    ("ict_pattern_detector", "ICTPatternDetector"): {"patterns_detected": []},
    # C 10.1
    ("displacement_detector_enterprise", "DisplacementDetectorEnterprise"): {
        "min_displacement_pips": 50.0,
        "max_time_window": 240,
        "institutional_volume_threshold": 1.5,
        "momentum_threshold": 0.7,
    },
    # C 6.6, C 6.7
    ("market_structure_analyzer", "MarketStructureAnalyzer"): {
        "detected_fvgs": [],
        "detected_order_blocks": [],
    },
    # S 10.9
    ("poi_system", "POISystem"): {"active_pois": [], "historical_pois": []},
}
"""Attributes of an object made without arguments (...: the value is not stated; dicts may hold more)."""

CONSTANTS: dict[str, dict[str, Any]] = {
    # S 9.0
    "poi_detector_adapted": {
        "POI_SCORING_CONFIG": {
            "QUALITY_TIERS": {"A+": 80, "A": 70, "B": 60, "C": 40, "D": 20},
            "SCORING_WEIGHTS": {
                "proximity": 25,
                "strength": 20,
                "timeframe": 15,
                "volume": 10,
                "confirmation": 15,
                "freshness": 10,
                "context": 5,
            },
            "PROXIMITY_ZONES": {"immediate": 10, "near": 20, "moderate": 50, "distant": 100},
        },
    },
}
"""Module constants."""

POI_TYPE_KEYS = [
    "BULLISH_OB",
    "BEARISH_OB",
    "BULLISH_FVG",
    "BEARISH_FVG",
    "BULLISH_BREAKER",
    "BEARISH_BREAKER",
    "LIQUIDITY_VOID",
    "PRICE_IMBALANCE",
]

ALIASES = {
    ("ict_pattern_detector", "PatternDetector"): "ICTPatternDetector",  # C 0.2, C 4
    (
        "liquidity_grab_enterprise",
        "LiquidityGrabEnterprise",
    ): "LiquidityGrabDetectorEnterprise",  # S 7.3, S 7.4
    ("silver_bullet_enterprise", "SilverBulletEnterprise"): "SilverBulletDetectorEnterprise",  # S 7.4
    ("judas_swing_enterprise", "JudasSwingEnterprise"): "JudasSwingDetectorEnterprise",  # S 7.4
    ("poi_system", "POIDetector"): "POISystem",  # S 10.1
}

SINGLETONS = [
    ("fair_value_gaps", "get_fvg_detector", "FairValueGapDetector"),  # S 2.2
    ("order_blocks", "get_order_block_detector", "EnhancedOrderBlockDetector"),  # S 3.2
    ("pattern_confluence_engine", "get_confluence_engine", "PatternConfluenceEngine"),  # S 8
]

FACTORIES = [
    ("smart_money_analyzer", "create_smart_money_analyzer", (), "SmartMoneyAnalyzer"),  # S 5.2
    ("institutional_flow_analyzer", "create_institutional_flow_analyzer", (), "InstitutionalFlowAnalyzer"),
    (
        "fractal_analyzer_enterprise",
        "create_fractal_analyzer_enterprise",
        ("X", "H1"),
        "FractalAnalyzerEnterprise",
    ),
    (
        "displacement_detector_enterprise",
        "create_displacement_detector_enterprise",
        (),
        "DisplacementDetectorEnterprise",
    ),
    ("order_blocks_integration", "create_order_blocks_detector", (None,), "OrderBlocksPatternDetector"),
    ("pattern_detector", "get_pattern_detector", (None,), "PatternDetector"),
    ("market_structure_analyzer", "get_market_structure_analyzer", (), "MarketStructureAnalyzer"),
    ("poi_system", "get_poi_system", (), "POISystem"),
]


# --------------------------------------------------------------------------------------------------------------------
# reading the tables


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"{ict_engine.__name__}.{name}")


def entries(table: dict[str, str]) -> Iterator[tuple[str, str, str | None]]:
    """Every entry of a table: module, dotted name and the parameters as written (None: not stated)."""
    for module, text in table.items():
        for entry in re.findall(r"[\w.]+(?:\([^)]*\))?(?=\s|$)", text):
            name, bracket, rest = entry.partition("(")
            yield module, name, rest.removesuffix(")") if bracket else None


def labels(table: dict[str, str]) -> list[str]:
    return [f"{module}-{name}" for module, name, _ in entries(table)]


def stated(parameters: str) -> dict[str, ast.expr | None]:
    """Parameter names in order with the expression of their default; a gathering ``**name`` keeps its stars."""
    function = ast.parse(f"def f({parameters}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    names = [argument.arg for argument in function.args.args]
    defaults: list[ast.expr | None] = [None] * (len(names) - len(function.args.defaults))
    result = dict(zip(names, [*defaults, *function.args.defaults], strict=True))
    return result if function.args.kwarg is None else {**result, f"**{function.args.kwarg.arg}": None}


def value_of(expression: ast.expr, module: ModuleType) -> Any:
    """The value of a default as written: a literal or a member of one of the module's enums."""
    if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
        return getattr(getattr(module, expression.value.id), expression.attr)
    return ast.literal_eval(expression)


def resolve(module: str, name: str) -> Any:
    found: Any = module_of(module)
    for part in name.split("."):
        assert hasattr(found, part), f"{module}: {name} is missing"
        found = getattr(found, part)
    return found


def same(left: Any, right: Any) -> bool:
    """Equal, booleans and numbers kept apart."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def classes() -> list[tuple[str, str]]:
    """Every class of the tables, by module."""
    found: dict[tuple[str, str], None] = {}
    for module, name, _ in entries(CALLS):
        first = name.split(".")[0]
        if first[0].isupper():
            found[module, first] = None
    for module, name, _ in entries(FIELDS):
        found[module, name] = None
    for module, members in ENUMS.items():
        found.update(dict.fromkeys((module, name) for name in members))
    found["fractal_analyzer_enterprise", "FractalGradeEnterprise"] = None
    found["fractal_analyzer_enterprise", "FractalLevelsEnterprise"] = None
    found["ict_types", "SmartMoneyType"] = None
    found["ict_types", "ICTConfig"] = None
    return list(found)


def detectors() -> list[tuple[str, str]]:
    """The classes whose constructor stands in the table of callables."""
    return [(m, n) for m, n, p in entries(CALLS) if p is not None and n[0].isupper() and "." not in n]


# --------------------------------------------------------------------------------------------------------------------
# names, parameters, fields, members


def test_the_tables_cover_every_module() -> None:
    assert list(dict.fromkeys(CALLS)) == list(ORIGINALS)
    assert set(FIELDS) | set(ENUMS) <= set(ORIGINALS)


@pytest.mark.parametrize("module", ORIGINALS)
def test_all_lists_existing_names_and_every_public_name_of_the_table(module: str) -> None:
    offered = module_of(module)
    assert len(set(offered.__all__)) == len(offered.__all__)
    assert [name for name in offered.__all__ if not hasattr(offered, name)] == []
    wanted = [name for owner, name in classes() if owner == module]
    wanted += [n for m, n, _ in entries(CALLS) if m == module and "." not in n]
    wanted += [name for owner, name in ALIASES if owner == module]
    wanted += CONSTANTS.get(module, {})
    wanted += ["POI_TYPES"] if module == "poi_detector_adapted" else []
    missing = sorted({name for name in wanted if name not in offered.__all__})
    assert missing == []


@pytest.mark.parametrize(("module", "name", "parameters"), list(entries(CALLS)), ids=labels(CALLS))
def test_callable(module: str, name: str, parameters: str | None) -> None:
    found = resolve(module, name)
    assert callable(found)
    if parameters is None:
        return
    ours = list(inspect.signature(found).parameters.values())
    if "." in name and not isinstance(
        inspect.getattr_static(resolve(module, name.split(".")[0]), name.split(".")[1]),
        staticmethod | classmethod,
    ):
        ours = ours[1:]
    expected = stated(parameters)
    gathered = [key for key in expected if key.startswith("**")]
    plain = {key: default for key, default in expected.items() if key not in gathered}
    positional = [p for p in ours if p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_KEYWORD]
    assert [p.name for p in positional] == list(plain)
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in positional)
    passed_on = [f"**{p.name}" for p in ours if p.kind is p.VAR_KEYWORD]
    if passed_on != gathered:
        arguments = {function: given for _, function, given, _ in FACTORIES}[name]
        with pytest.raises(TypeError):
            found(*arguments, no_such_collaborator=None)
    added = [p for p in ours if p.kind is p.KEYWORD_ONLY]
    assert [p.name for p in added if p.default is p.empty] == [], "what we add must be optional"
    for parameter in positional:
        default = plain[parameter.name]
        if default is not None:
            wanted = value_of(default, module_of(module))
            if wanted is ...:
                assert parameter.default is not parameter.empty, parameter.name
            else:
                assert same(parameter.default, wanted), parameter.name


@pytest.mark.parametrize(("module", "name", "listed"), list(entries(FIELDS)), ids=labels(FIELDS))
def test_dataclass_fields(module: str, name: str, listed: str | None) -> None:
    record = resolve(module, name)
    assert is_dataclass(record)
    if listed is None:
        return
    expected = stated(listed)
    ours = [field for field in fields(record) if field.init]
    assert [field.name for field in ours][: len(expected)] == list(expected)
    assert not any(field.kw_only for field in ours[: len(expected)])
    for field in ours[len(expected) :]:
        assert field.default is not MISSING or field.default_factory is not MISSING, (
            f"{field.name} must be optional"
        )
    for field, default in zip(ours, expected.values(), strict=False):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if default is None:
            assert not (has_default and (module, name) in DEFAULTLESS), field.name
            continue
        assert has_default, field.name
        wanted = value_of(default, module_of(module))
        if wanted is not ...:
            made = field.default if field.default_factory is MISSING else field.default_factory()
            assert same(made, wanted), field.name


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, members in ENUMS.items() for n in members])
def test_enum_members(module: str, name: str) -> None:
    found = resolve(module, name)
    assert issubclass(found, Enum)
    expected = ENUMS[module][name]
    assert sorted(found.__members__) == sorted(expected)
    members = found.__members__
    assert [member.name for member in found] == [key for key in expected if members[key].name == key]
    for member, value in expected.items():
        if value is not None:
            assert members[member].value == value, member


def test_enums_known_by_value_or_by_number_only() -> None:
    """C 5 counts the kinds of smart money; C 9.1 gives the values of the grades."""
    assert len(resolve("ict_types", "SmartMoneyType")) == 8
    grades = resolve("fractal_analyzer_enterprise", "FractalGradeEnterprise")
    assert [grade.value for grade in grades] == ["INSTITUTIONAL", "A+", "A", "B+", "B", "C", "RETAIL"]


def test_the_fractal_levels_are_a_typed_dictionary() -> None:
    """C 9.1."""
    levels = resolve("fractal_analyzer_enterprise", "FractalLevelsEnterprise")
    assert list(get_type_hints(levels)) == [
        "high",
        "low",
        "eq",
        "confidence",
        "grade",
        "memory_enhanced",
        "institutional_level",
        "multi_timeframe_confirmed",
    ]


def test_ict_config() -> None:
    """C 5, by value where the field is not named."""
    types = module_of("ict_types")
    config = types.ICTConfig()
    assert is_dataclass(types.ICTConfig)
    frame, session = types.TimeFrame, types.SessionType
    assert [getattr(config, f.name) for f in fields(types.ICTConfig)][:3] == [frame.H1, frame.H4, frame.M15]
    assert (config.min_confidence, config.min_confluence_factors, config.cache_duration) == (75.0, 2, 300)
    assert (config.max_risk_per_trade, config.min_risk_reward) == (2.0, 1.5)
    assert config.require_confluence is True
    enabled = [
        getattr(config, f.name)
        for f in fields(types.ICTConfig)
        if re.search("smart_money|liquidity|stop_hunt", f.name)
    ]
    assert enabled == [True, True, True]
    assert config.active_sessions == [session.LONDON, session.NEW_YORK, session.OVERLAP]


@pytest.mark.parametrize(("module", "alias"), list(ALIASES))
def test_alias_is_the_same_object(module: str, alias: str) -> None:
    assert resolve(module, alias) is resolve(module, ALIASES[module, alias])


def test_the_trading_directions_of_the_types_are_aliases() -> None:
    """C 5."""
    direction = resolve("ict_types", "TradingDirection")
    assert (direction.BUY, direction.SELL) == (direction.BULLISH, direction.BEARISH)
    assert len(direction) == 4


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, members in CONSTANTS.items() for n in members])
def test_constants(module: str, name: str) -> None:
    assert resolve(module, name) == CONSTANTS[module][name]


def test_poi_types() -> None:
    assert list(resolve("poi_detector_adapted", "POI_TYPES")) == POI_TYPE_KEYS


# --------------------------------------------------------------------------------------------------------------------
# objects


@pytest.mark.parametrize(("module", "name"), list(CONFIGS))
def test_config_defaults(module: str, name: str) -> None:
    config = resolve(module, name)().config
    for key, value in CONFIGS[module, name].items():
        assert key in config
        assert value is ... or same(config[key], value), (key, config[key])


@pytest.mark.parametrize(
    ("module", "name"),
    [(m, n) for m, n in CONFIGS if (m, f"{n}", "config=None") in {(a, b, c) for a, b, c in entries(CALLS)}],
)
def test_a_given_config_overrides_the_defaults_key_by_key(module: str, name: str) -> None:
    plain = resolve(module, name)().config
    for key, value in CONFIGS[module, name].items():
        if isinstance(value, bool):
            other: Any = not value
        elif isinstance(value, int | float):
            other = value + 1
        else:
            continue
        changed = resolve(module, name)({key: other}).config
        assert changed[key] == other
        assert {k: v for k, v in changed.items() if k != key} == {k: v for k, v in plain.items() if k != key}
    assert resolve(module, name)({"a_key_of_mine": 1}).config["a_key_of_mine"] == 1


@pytest.mark.parametrize(("module", "name"), list(ATTRIBUTES))
def test_attributes(module: str, name: str) -> None:
    made = resolve(module, name)()
    for key, value in ATTRIBUTES[module, name].items():
        assert hasattr(made, key), key
        if isinstance(value, dict):
            assert {part: getattr(made, key)[part] for part in value} == value
        elif value is not ...:
            assert same(getattr(made, key), value), key


def test_weights_of_the_advanced_detectors() -> None:
    """S 7.3 and S 7.5 give these by the word before ``_weight``."""
    grab = resolve("liquidity_grab_enterprise", "LiquidityGrabDetectorEnterprise")().config
    expected = {"stop_hunt": 0.30, "reversal_speed": 0.25, "volume": 0.20, "institutional": 0.15}
    expected["liquidity_density"] = 0.10
    assert {name: _weight(grab, name) for name in expected} == expected
    mitigation = resolve(
        "order_block_mitigation_enterprise", "OrderBlockMitigationDetectorEnterprise"
    )().config
    expected = {"block_quality": 0.25, "mitigation_strength": 0.20, "volume": 0.15, "institutional": 0.15}
    expected.update(timing=0.10, structure=0.15)
    assert {name: _weight(mitigation, name) for name in expected} == expected


def _weight(config: dict[str, Any], name: str) -> Any:
    found = [value for key, value in config.items() if "weight" in key and key.startswith(name)]
    assert len(found) == 1, (name, found)
    return found[0]


def test_weights_of_the_confluence_engine() -> None:
    """S 8, wherever the engine keeps them."""
    engine = resolve("pattern_confluence_engine", "PatternConfluenceEngine")()
    kind = resolve("pattern_confluence_engine", "PatternType")
    expected = {
        kind.FVG: 0.25,
        kind.ORDER_BLOCK: 0.30,
        kind.SMART_MONEY: 0.25,
        kind.LIQUIDITY_SWEEP: 0.10,
        kind.BOS_CHOCH: 0.10,
    }
    assert any(value == expected for value in vars(engine).values())


def test_kill_zones_of_the_analyzer() -> None:
    """S 5.2."""
    zones = resolve("smart_money_analyzer", "SmartMoneyAnalyzer")().killzones
    rows = [set(_leaves(zone)) for zone in zones.values()]
    expected = [
        {time(0), time(3), time(1, 30), 0.65},
        {time(8), time(11), time(9, 30), 0.85},
        {time(13), time(16), time(14, 30), 0.90},
        {time(13), time(15), time(14), 0.95},
        {time(15), time(16), time(15, 30), 0.88},
    ]
    assert len(rows) == len(expected)
    assert all(wanted <= row for wanted, row in zip(expected, rows, strict=True)), rows


def test_session_windows_of_the_judas_detector() -> None:
    """S 7.2, in order."""
    windows = resolve("judas_swing_enterprise", "JudasSwingDetectorEnterprise")().session_windows
    rows = [{leaf for leaf in _leaves(window) if isinstance(leaf, time)} for window in windows.values()]
    expected = [
        {time(7), time(8)},
        {time(13, 30), time(14, 30)},
        {time(6), time(7)},
        {time(0), time(1)},
    ]
    assert rows == expected


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _leaves(part)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _leaves([getattr(value, field.name) for field in fields(value)])
    elif not isinstance(value, set):
        yield value


@pytest.mark.parametrize(
    ("hours", "gap", "tolerance"),
    [
        (range(8), 0.8, 0.2),
        (range(8, 13), 1.80625, 0.5),
        (range(13, 18), 1.955, 0.5),
        (range(18, 24), 1.0, 0.2),
    ],
    ids=["night", "morning", "afternoon", "evening"],
)
def test_settings_of_the_gap_memory_follow_the_clock(hours: range, gap: float, tolerance: float) -> None:
    """S 11."""
    manager = resolve("fvg_memory_manager", "FVGMemoryManager")
    for hour in hours:
        config = manager(clock=lambda hour=hour: datetime(2024, 3, 5, hour, 30)).config
        assert config["min_gap_size_pips"] == pytest.approx(gap, rel=1e-12)
        assert config["fill_tolerance_pips"] == pytest.approx(tolerance, rel=1e-12)


@pytest.mark.parametrize(("module", "function", "owner"), SINGLETONS)
def test_singletons(module: str, function: str, owner: str) -> None:
    made = resolve(module, function)()
    assert type(made) is resolve(module, owner)
    assert resolve(module, function)() is made


@pytest.mark.parametrize(("module", "function", "arguments", "owner"), FACTORIES)
def test_factories(module: str, function: str, arguments: tuple[Any, ...], owner: str) -> None:
    assert isinstance(resolve(module, function)(*arguments), resolve(module, owner))


def test_the_factory_of_the_structure_analyzer_is_stricter() -> None:
    """C 6.2."""
    config = resolve("market_structure_analyzer", "get_market_structure_analyzer")().config
    assert (config["min_confidence"], config["fvg_min_gap"]) == (70, 0.0005)


def test_low_memory_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """S 2.2 and C 3.2, by configuration and by environment."""
    gaps = resolve("fair_value_gaps", "FairValueGapDetector")
    patterns = resolve("pattern_detector", "PatternDetector")
    low = {"max_symbols_concurrent": 5, "symbol_memory_cleanup_hours": 24, "max_historical_fvgs": 50}
    asked = gaps({"low_mem": True}).config
    assert {key: asked[key] for key in low} == low
    assert patterns({"low_mem": True}).config["max_patterns_per_analysis"] == 3
    monkeypatch.setenv("ICT_LOW_MEM", "yes")
    assert {key: gaps().config[key] for key in low} == low
    assert patterns().config["max_patterns_per_analysis"] == 3
    monkeypatch.delenv("ICT_LOW_MEM")
    monkeypatch.setenv("ICT_QUICK_TEST_MODE", "1")
    assert gaps().config["max_symbols_concurrent"] == 2


def test_making_everything_prints_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = [resolve(module, name)() for module, name in detectors()]
    made += [resolve(module, function)() for module, function, _ in SINGLETONS]
    made += [resolve(module, function)(*arguments) for module, function, arguments, _ in FACTORIES]
    made.append(resolve("ict_types", "ICTConfig")())
    assert len(made) > 30
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert list(tmp_path.rglob("*")) == []


# --------------------------------------------------------------------------------------------------------------------
# against the specification's own text

PAGES = Path(__file__).resolve().parents[2] / "shared" / "design" / "engine"

NOT_OURS: dict[str, str] = {
    name: reason
    for reason, names in {
        "notation or a part of Python or pandas": "clamp confidence int len max mean now range rolling sort DataFrame",
        "a kernel suggested for a port (C 12, S 15.1)": (
            "bos_last choch_last confluence_count dedup_greedy displacement equal_levels fractal_swings fvg fvg_scan "
            "grab_window imbalance liquidity_grab_last liquidity_pools mitigation_window ob_impulse_tested "
            "ob_rejection ob_swing_zone order_blocks_impulse order_blocks_simple stop_hunts swings zone_stats"
        ),
        "the name of a claim that the engine does not keep (C 0.1)": "detect_breaker_blocks",
        "a look-up by the hour or a random number; not to be ported (S 5.12)": (
            "_calculate_enhanced_success_rate _create_session_based_liquidity_pools "
            "_get_dynamic_killzone_performance _get_enhanced_analysis_metrics"
        ),
        "a method of the engine's memory, a collaborator here (S 12.1)": "assess_market_confidence",
        "state of an object, not a callable": "_multi_tf_data",
    }.items()
    for name in names.split()
}
"""Names the pages mention that no adapter offers, and why."""


def spoken_of() -> dict[str, str]:
    """Callables named in code spans of the pages, without ``optimization/*``, with the section naming them first."""
    found: dict[str, str] = {}
    for page in ("core", "smc"):
        text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
        for part in re.split(r"(?m)^(?=## )", text):
            if page == "smc" and part.startswith("## 13"):
                continue
            heading = part.splitlines()[0] if part else ""
            for span in re.findall(r"`([^`]+)`", part):
                names = re.findall(r"(?<![\w.=\"'])(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w+)\(", span)
                names += re.findall(r"^(?:\w+\.)*(_[a-z]\w*)$", span)
                for name in names:
                    found.setdefault(name, f"{page} {heading}")
    return found


def offered() -> set[str]:
    """The callables of the adapters: what the modules list and the methods of the classes in the tables."""
    names: set[str] = set()
    for module in ORIGINALS:
        names.update(module_of(module).__all__)
    for module, name in classes():
        found = getattr(module_of(module), name, None)
        names.update(key for key in dir(found) if callable(getattr(found, key)))
    return names


@pytest.mark.skipif(not PAGES.is_dir(), reason="the specification lies outside the repository")
def test_every_callable_of_the_specification_is_offered() -> None:
    named, ours = spoken_of(), offered()
    assert len(named) > 150
    missing = {name: where for name, where in named.items() if name not in ours and name not in NOT_OURS}
    assert missing == {}
    assert sorted(name for name in NOT_OURS if name in ours) == [], "no longer an exclusion"
    assert sorted(name for name in NOT_OURS if name not in named) == [], "not in the specification"
