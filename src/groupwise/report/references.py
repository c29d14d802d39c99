"""Works that the methods text cites: how a sentence names them, and the whole reference."""

REFERENCES = {
    "abraham": (
        "Abraham et al., 2014",
        "Abraham A, Pedregosa F, Eickenberg M, et al. (2014). Machine learning for neuroimaging "
        "with scikit-learn. Front Neuroinform 8:14. doi:10.3389/fninf.2014.00014",
    ),
    "appelhoff": (
        "Appelhoff et al., 2019",
        "Appelhoff S, Sanderson M, Brooks TL, et al. (2019). MNE-BIDS: organizing "
        "electrophysiological data into the BIDS format and facilitating their analysis. J Open "
        "Source Softw 4:1896. doi:10.21105/joss.01896",
    ),
    "behzadi": (
        "Behzadi et al., 2007",
        "Behzadi Y, Restom K, Liau J, Liu TT (2007). A component based noise correction method "
        "(CompCor) for BOLD and perfusion based fMRI. NeuroImage 37:90-101. "
        "doi:10.1016/j.neuroimage.2007.04.042",
    ),
    "benjamini": (
        "Benjamini and Hochberg, 1995",
        "Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and "
        "powerful approach to multiple testing. J R Stat Soc B 57:289-300. "
        "doi:10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "clopper": (
        "Clopper and Pearson, 1934",
        "Clopper CJ, Pearson ES (1934). The use of confidence or fiducial limits illustrated in "
        "the case of the binomial. Biometrika 26:404-413. doi:10.1093/biomet/26.4.404",
    ),
    "dale": (
        "Dale et al., 2000",
        "Dale AM, Liu AK, Fischl BR, et al. (2000). Dynamic statistical parametric mapping: "
        "combining fMRI and MEG for high-resolution imaging of cortical activity. Neuron "
        "26:55-67. doi:10.1016/S0896-6273(00)81138-1",
    ),
    "delpy": (
        "Delpy et al., 1988",
        "Delpy DT, Cope M, van der Zee P, Arridge S, Wray S, Wyatt J (1988). Estimation of optical "
        "pathlength through tissue from direct time of flight measurement. Phys Med Biol "
        "33:1433-1442. doi:10.1088/0031-9155/33/12/008",
    ),
    "desikan": (
        "Desikan et al., 2006",
        "Desikan RS, Ségonne F, Fischl B, et al. (2006). An automated labeling system for "
        "subdividing the human cerebral cortex on MRI scans into gyral based regions of interest. "
        "NeuroImage 31:968-980. doi:10.1016/j.neuroimage.2006.01.021",
    ),
    "dosenbach": (
        "Dosenbach et al., 2010",
        "Dosenbach NUF, Nardos B, Cohen AL, et al. (2010). Prediction of individual brain maturity "
        "using fMRI. Science 329:1358-1361. doi:10.1126/science.1194144",
    ),
    "engemann": (
        "Engemann and Gramfort, 2015",
        "Engemann DA, Gramfort A (2015). Automated model selection in covariance estimation and "
        "spatial whitening of MEG and EEG signals. NeuroImage 108:328-342. "
        "doi:10.1016/j.neuroimage.2014.12.040",
    ),
    "esteban": (
        "Esteban et al., 2019",
        "Esteban O, Markiewicz CJ, Blair RW, et al. (2019). fMRIPrep: a robust preprocessing "
        "pipeline for functional MRI. Nat Methods 16:111-116. doi:10.1038/s41592-018-0235-4",
    ),
    "fischl1999": (
        "Fischl et al., 1999",
        "Fischl B, Sereno MI, Tootell RBH, Dale AM (1999). High-resolution intersubject averaging "
        "and a coordinate system for the cortical surface. Hum Brain Mapp 8:272-284. "
        "doi:10.1002/(SICI)1097-0193(1999)8:4<272::AID-HBM10>3.0.CO;2-4",
    ),
    "fischl2012": (
        "Fischl, 2012",
        "Fischl B (2012). FreeSurfer. NeuroImage 62:774-781. doi:10.1016/j.neuroimage.2012.01.021",
    ),
    "fishburn": (
        "Fishburn et al., 2019",
        "Fishburn FA, Ludlum RS, Vaidya CJ, Medvedev AV (2019). Temporal derivative distribution "
        "repair (TDDR): a motion correction method for fNIRS. NeuroImage 184:171-179. "
        "doi:10.1016/j.neuroimage.2018.09.025",
    ),
    "freedman": (
        "Freedman and Lane, 1983",
        "Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance "
        "levels. J Bus Econ Stat 1:292-298. doi:10.1080/07350015.1983.10509354",
    ),
    "glover": (
        "Glover, 1999",
        "Glover GH (1999). Deconvolution of impulse response in event-related BOLD fMRI. "
        "NeuroImage 9:416-429. doi:10.1006/nimg.1998.0419",
    ),
    "gorgolewski": (
        "Gorgolewski et al., 2016",
        "Gorgolewski KJ, Auer T, Calhoun VD, et al. (2016). The brain imaging data structure, a "
        "format for organizing and describing outputs of neuroimaging experiments. Sci Data "
        "3:160044. doi:10.1038/sdata.2016.44",
    ),
    "gramfort": (
        "Gramfort et al., 2013",
        "Gramfort A, Luessi M, Larson E, et al. (2013). MEG and EEG data analysis with MNE-Python. "
        "Front Neurosci 7:267. doi:10.3389/fnins.2013.00267",
    ),
    "greenhouse": (
        "Greenhouse and Geisser, 1959",
        "Greenhouse SW, Geisser S (1959). On methods in the analysis of profile data. "
        "Psychometrika 24:95-112. doi:10.1007/BF02289823",
    ),
    "hamalainen": (
        "Hämäläinen and Ilmoniemi, 1994",
        "Hämäläinen MS, Ilmoniemi RJ (1994). Interpreting magnetic fields of the brain: minimum "
        "norm estimates. Med Biol Eng Comput 32:35-42. doi:10.1007/BF02512476",
    ),
    "huber": (
        "Huber, 1964",
        "Huber PJ (1964). Robust estimation of a location parameter. Ann Math Stat 35:73-101. "
        "doi:10.1214/aoms/1177703732",
    ),
    "hyvarinen": (
        "Hyvärinen, 1999",
        "Hyvärinen A (1999). Fast and robust fixed-point algorithms for independent component "
        "analysis. IEEE Trans Neural Netw 10:626-634. doi:10.1109/72.761722",
    ),
    "jas": (
        "Jas et al., 2017",
        "Jas M, Engemann DA, Bekhti Y, Raimondo F, Gramfort A (2017). Autoreject: automated "
        "artifact rejection for MEG and EEG data. NeuroImage 159:417-429. "
        "doi:10.1016/j.neuroimage.2017.06.030",
    ),
    "lin_depth": (
        "Lin et al., 2006b",
        "Lin FH, Witzel T, Ahlfors SP, Stufflebeam SM, Belliveau JW, Hämäläinen MS (2006b). "
        "Assessing and improving the spatial accuracy in MEG source localization by depth-weighted "
        "minimum-norm estimates. NeuroImage 31:160-171. doi:10.1016/j.neuroimage.2005.11.054",
    ),
    "lin_loose": (
        "Lin et al., 2006a",
        "Lin FH, Belliveau JW, Dale AM, Hämäläinen MS (2006a). Distributed current estimates using "
        "cortical orientation constraints. Hum Brain Mapp 27:1-13. doi:10.1002/hbm.20155",
    ),
    "luke": (
        "Luke et al., 2021",
        "Luke R, Larson E, Shader MJ, et al. (2021). Analysis methods for measuring passive "
        "auditory fNIRS responses generated by a block-design paradigm. Neurophotonics 8:025008. "
        "doi:10.1117/1.NPh.8.2.025008",
    ),
    "mancl": (
        "Mancl and DeRouen, 2001",
        "Mancl LA, DeRouen TA (2001). A covariance estimator for GEE with improved small-sample "
        "properties. Biometrics 57:126-134. doi:10.1111/j.0006-341X.2001.00126.x",
    ),
    "maris": (
        "Maris and Oostenveld, 2007",
        "Maris E, Oostenveld R (2007). Nonparametric statistical testing of EEG- and MEG-data. J "
        "Neurosci Methods 164:177-190. doi:10.1016/j.jneumeth.2007.03.024",
    ),
    "molder": (
        "Mölder et al., 2021",
        "Mölder F, Jablonski KP, Letcher B, et al. (2021). Sustainable data analysis with "
        "Snakemake. F1000Research 10:33. doi:10.12688/f1000research.29032.2",
    ),
    "nichols2002": (
        "Nichols and Holmes, 2002",
        "Nichols TE, Holmes AP (2002). Nonparametric permutation tests for functional "
        "neuroimaging: a primer with examples. Hum Brain Mapp 15:1-25. doi:10.1002/hbm.1058",
    ),
    "pascual2002": (
        "Pascual-Marqui, 2002",
        "Pascual-Marqui RD (2002). Standardized low-resolution brain electromagnetic tomography "
        "(sLORETA): technical details. Methods Find Exp Clin Pharmacol 24 Suppl D:5-12",
    ),
    "pascual2011": (
        "Pascual-Marqui et al., 2011",
        "Pascual-Marqui RD, Lehmann D, Koukkou M, et al. (2011). Assessing interactions in the "
        "brain with exact low-resolution electromagnetic tomography. Philos Trans R Soc A "
        "369:3768-3784. doi:10.1098/rsta.2011.0081",
    ),
    "phipson": (
        "Phipson and Smyth, 2010",
        "Phipson B, Smyth GK (2010). Permutation p-values should never be zero: calculating exact "
        "p-values when permutations are randomly drawn. Stat Appl Genet Mol Biol 9:39. "
        "doi:10.2202/1544-6115.1585",
    ),
    "pollonini": (
        "Pollonini et al., 2014",
        "Pollonini L, Olds C, Abaya H, Bortfeld H, Beauchamp MS, Oghalai JS (2014). Auditory "
        "cortex activation to natural speech and simulated cochlear implant speech measured with "
        "functional near-infrared spectroscopy. Hear Res 309:84-93. "
        "doi:10.1016/j.heares.2013.11.007",
    ),
    "pruim": (
        "Pruim et al., 2015",
        "Pruim RHR, Mennes M, van Rooij D, Llera A, Buitelaar JK, Beckmann CF (2015). ICA-AROMA: a "
        "robust ICA-based strategy for removing motion artifacts from fMRI data. NeuroImage "
        "112:267-277. doi:10.1016/j.neuroimage.2015.02.064",
    ),
    "ridgway": (
        "Ridgway et al., 2012",
        "Ridgway GR, Litvak V, Flandin G, Friston KJ, Penny WD (2012). The problem of low variance "
        "voxels in statistical parametric mapping; a new hat avoids a 'haircut'. NeuroImage "
        "59:2131-2141. doi:10.1016/j.neuroimage.2011.10.027",
    ),
    "sassenhagen": (
        "Sassenhagen and Draschkow, 2019",
        "Sassenhagen J, Draschkow D (2019). Cluster-based permutation tests of MEG/EEG data do not "
        "establish significance of effect latency or location. Psychophysiology 56:e13335. "
        "doi:10.1111/psyp.13335",
    ),
    "schaefer": (
        "Schaefer et al., 2018",
        "Schaefer A, Kong R, Gordon EM, et al. (2018). Local-global parcellation of the human "
        "cerebral cortex from intrinsic functional connectivity MRI. Cereb Cortex 28:3095-3114. "
        "doi:10.1093/cercor/bhx179",
    ),
    "seabold": (
        "Seabold and Perktold, 2010",
        "Seabold S, Perktold J (2010). Statsmodels: econometric and statistical modeling with "
        "Python. Proc 9th Python in Science Conf, 92-96. doi:10.25080/Majora-92bf1922-011",
    ),
    "smith": (
        "Smith and Nichols, 2009",
        "Smith SM, Nichols TE (2009). Threshold-free cluster enhancement. NeuroImage 44:83-98. "
        "doi:10.1016/j.neuroimage.2008.03.061",
    ),
    "steiger": (
        "Steiger, 2004",
        "Steiger JH (2004). Beyond the F test: effect size confidence intervals and tests of close "
        "fit in the analysis of variance and contrast analysis. Psychol Methods 9:164-182. "
        "doi:10.1037/1082-989X.9.2.164",
    ),
    "taulu": (
        "Taulu and Simola, 2006",
        "Taulu S, Simola J (2006). Spatiotemporal signal space separation method for rejecting "
        "nearby interference in MEG measurements. Phys Med Biol 51:1759-1768. "
        "doi:10.1088/0031-9155/51/7/008",
    ),
    "tzourio": (
        "Tzourio-Mazoyer et al., 2002",
        "Tzourio-Mazoyer N, Landeau B, Papathanassiou D, et al. (2002). Automated anatomical "
        "labeling of activations in SPM using a macroscopic anatomical parcellation of the MNI MRI "
        "single-subject brain. NeuroImage 15:273-289. doi:10.1006/nimg.2001.0978",
    ),
    "uusitalo": (
        "Uusitalo and Ilmoniemi, 1997",
        "Uusitalo MA, Ilmoniemi RJ (1997). Signal-space projection method for separating MEG or "
        "EEG into components. Med Biol Eng Comput 35:135-140. doi:10.1007/BF02534144",
    ),
    "vanveen": (
        "Van Veen et al., 1997",
        "Van Veen BD, van Drongelen W, Yuchtman M, Suzuki A (1997). Localization of brain "
        "electrical activity via linearly constrained minimum variance spatial filtering. IEEE "
        "Trans Biomed Eng 44:867-880. doi:10.1109/10.623056",
    ),
    "winkler": (
        "Winkler et al., 2014",
        "Winkler AM, Ridgway GR, Webster MA, Smith SM, Nichols TE (2014). Permutation inference "
        "for the general linear model. NeuroImage 92:381-397. "
        "doi:10.1016/j.neuroimage.2014.01.060",
    ),
}  # fmt: skip


class Citations:
    """Cites works in sentences, and lists those that were cited."""

    def __init__(self) -> None:
        self._cited: set[str] = set()

    def __call__(self, *keys: str) -> str:
        """Works in round brackets, such as "(Dale et al., 2000)"."""
        return f"({self.bare(*keys)})"

    def bare(self, *keys: str) -> str:
        """Works without brackets, to stand within others."""
        self._cited |= set(keys)
        return "; ".join(REFERENCES[key][0] for key in keys)

    def named(self, key: str) -> str:
        """A work as part of the sentence, such as "Glover (1999)"."""
        authors, year = self.bare(key).rsplit(", ", 1)
        return f"{authors} ({year})"

    @property
    def listed(self) -> list[str]:
        """The references of what was cited, by name."""
        return sorted((REFERENCES[key][1] for key in self._cited), key=str.casefold)
